//go:build !linux

package proctest

import (
	"testing"
	"time"
)

// CPUTime returns the time that f took: other systems don't say what a thread
// has used.
func CPUTime(t testing.TB, f func()) time.Duration {
	t.Helper()
	began := time.Now()
	f()
	return time.Since(began)
}
