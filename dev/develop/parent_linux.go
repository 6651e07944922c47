package develop

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dieWithParent makes the kernel end this process when the one that started
// it ends: killing make with -9 then leaves nothing running. It must be called
// from the main goroutine.
func dieWithParent() error {
	// The kernel keeps the wish with the thread that utters it, and forgets it
	// when that thread ends. Locked to the main goroutine, it never does.
	runtime.LockOSThread()
	parent := os.Getppid()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("die with parent: %w", err)
	}
	if os.Getppid() != parent || parent == 1 {
		return errors.New("the starting process has already ended")
	}
	return nil
}
