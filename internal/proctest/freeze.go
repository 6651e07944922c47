//go:build unix

package proctest

import (
	"sync"
	"syscall"
	"testing"
	"time"
)

// Freeze stops a process until thaw is called or the test ends. It stops it
// again and again: make stress pauses processes too, and wakes them.
func Freeze(t testing.TB, pid int) (thaw func()) {
	t.Helper()
	ended := make(chan struct{})
	var freezing sync.WaitGroup
	freezing.Go(func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended
			select {
			case <-again.C:
			case <-ended:
				return
			}
		}
	})
	thaw = sync.OnceFunc(func() {
		close(ended)
		freezing.Wait()
		_ = syscall.Kill(pid, syscall.SIGCONT)
	})
	t.Cleanup(thaw)
	return thaw
}
