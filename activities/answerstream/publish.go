package answerstream

import (
	"bytes"
	"context"
	"errors"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
)

// batchMax is how many events one call of the relay carries at most. There is
// a backlog only after the relay has been away.
const batchMax = 128

// run publishes what there is until ctx ends or publishing is of no more use.
func (w *Writer) run(ctx context.Context) {
	var last time.Time
	pause := time.Duration(0)
	for ctx.Err() == nil {
		w.gather(ctx, last)
		start, batch := w.next()
		if len(batch) == 0 {
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			continue
		}
		last = time.Now()
		sent, err := w.publish(ctx, start, batch)
		if final := w.published(sent, err); final {
			return
		}
		if err == nil {
			pause = 0
			continue
		}
		pause = min(max(2*pause, 20*time.Millisecond), w.o.Backoff)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// gather waits until Options.Gather has passed since the last publish, unless
// something must go at once.
func (w *Writer) gather(ctx context.Context, last time.Time) {
	timer := time.NewTimer(max(0, w.o.Gather-time.Since(last)))
	defer timer.Stop()
	for {
		w.mu.Lock()
		urgent := w.urgent
		w.mu.Unlock()
		if urgent {
			return
		}
		select {
		case <-timer.C:
			return
		case <-w.wake: // perhaps urgent now
		case <-ctx.Done():
			return
		}
	}
}

// next returns the events to publish, and the place of the first.
func (w *Writer) next() (start int, batch []chatconnect.RelayEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut(w.finished)
	end := min(len(w.events), w.sent+batchMax)
	if end == len(w.events) {
		w.urgent = false
	}
	return w.sent, w.events[w.sent:end:end]
}

// publish gives the relay a batch that begins at events[start], and returns
// how many of all events are recorded now.
func (w *Writer) publish(ctx context.Context, start int, batch []chatconnect.RelayEvent) (sent int, err error) {
	call, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	err = w.relay.Publish(call, w.message, batch...)
	if err == nil {
		return start + len(batch), nil
	}
	fenced := errors.Is(err, chatconnect.ErrRelayFenced)
	if !fenced && !errors.Is(err, chatconnect.ErrRelayIncomplete) {
		return start, err
	}
	// Fenced may be by our own events, recorded by a call whose answer was
	// lost; incomplete means that recorded events are gone. The record tells.
	check, cancelCheck := context.WithTimeout(ctx, w.o.Timeout)
	defer cancelCheck()
	recorded, readErr := w.relay.Events(check, w.message, w.base())
	if readErr != nil {
		return start, readErr
	}
	sent, ours := w.recorded(recorded)
	switch {
	case !ours:
		return start, chatconnect.ErrRelayFenced
	case sent == start:
		return start, err // the relay contradicts itself; if fenced, believe that
	default:
		return sent, nil
	}
}

// recorded returns how many of our events the record begins with, and whether
// it holds nothing else.
func (w *Writer) recorded(record []chatconnect.RelayEvent) (n int, ours bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, r := range record {
		if i >= len(w.events) {
			return i, false
		}
		if e := w.events[i]; e.ID != r.ID || e.Type != r.Type || !bytes.Equal(e.Data, r.Data) {
			return i, false
		}
	}
	return len(record), true
}

// published notes the outcome of a publish, and whether it was the last.
func (w *Writer) published(sent int, err error) (final bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.changed()
	w.sent, w.failure = sent, err
	if err == nil {
		return false
	}
	switch {
	case errors.Is(err, chatconnect.ErrRelayFenced):
		w.err = chatconnect.ErrRelayFenced
	case chatconnect.AsError(err).Kind == chatconnect.KindInvalid:
		w.err = err
	case chatconnect.AsError(err).Kind == chatconnect.KindTooLarge && w.full == nil:
		w.full = err // the relay still lets an end in
	}
	return w.err != nil
}
