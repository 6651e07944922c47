// Package rss watches how much memory a process and its children take at most,
// from outside, while they run. Tests and benches use it; it imports the
// standard library only.
//
// getrusage(2) would not do: the peak it reports of a child includes what its
// parent had in memory when it started it.
package rss

import (
	"sync"
	"time"
)

// interval is how often children are looked at. One that lives shorter may be
// missed; what makes a process large takes longer.
const interval = 3 * time.Millisecond

// Peak is the largest resident size seen, in bytes; zeros where the operating
// system does not tell (anything but Linux).
type Peak struct {
	Process  int64
	Child    int64 // of the largest of its direct children
	Children int   // how many there were
}

// Watch is a watch that runs. Its methods are safe for concurrent use.
type Watch struct {
	pid  int
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	peak   Peak
	recent int64 // of children since the last Recent
	seen   map[int]bool
}

// Start watches the process pid until Stop.
func Start(pid int) *Watch {
	w := &Watch{pid: pid, stop: make(chan struct{}), done: make(chan struct{}), seen: map[int]bool{}}
	go func() {
		defer close(w.done)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			w.look()
			select {
			case <-ticker.C:
			case <-w.stop:
				return
			}
		}
	}()
	return w
}

// Stop ends the watch. It may be called once.
func (w *Watch) Stop() Peak {
	close(w.stop)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peak
}

// Recent is the largest child since Recent was last called.
func (w *Watch) Recent() int64 {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	recent := w.recent
	w.recent = 0
	return recent
}

func (w *Watch) look() {
	own, _ := peakOf(w.pid)
	pids := childrenOf(w.pid)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.peak.Process = max(w.peak.Process, own)
	for _, pid := range pids {
		// A child between fork and exec still is its parent; see childrenOf.
		peak, exists := peakOf(pid)
		if !exists {
			continue
		}
		if !w.seen[pid] {
			w.seen[pid] = true
			w.peak.Children++
		}
		w.peak.Child = max(w.peak.Child, peak)
		w.recent = max(w.recent, peak)
	}
}
