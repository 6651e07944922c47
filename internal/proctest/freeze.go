//go:build unix

package proctest

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Freeze stops a process until thaw is called or the test ends. It repeats the
// signal, because make stress pauses and wakes processes too. thaw returns an
// error if the process has ended.
func Freeze(t testing.TB, pid int) (thaw func() error) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	ended := make(chan struct{})
	var freezing sync.WaitGroup
	freezing.Go(func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				_ = syscall.Kill(pid, syscall.SIGSTOP) // thaw reports a process that has ended
			case <-ended:
				return
			}
		}
	})
	thaw = sync.OnceValue(func() error {
		close(ended)
		freezing.Wait()
		return syscall.Kill(pid, syscall.SIGCONT)
	})
	t.Cleanup(func() { _ = thaw() })
	return thaw
}
