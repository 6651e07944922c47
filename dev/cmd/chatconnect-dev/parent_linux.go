package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// The kernel keeps the wish for a death signal with the thread that uttered
// it, so that must be one that lasts as long as the process: the main thread.
func init() { runtime.LockOSThread() }

// dieWithParent makes the kernel end this process when the one that started
// it ends: killing make with -9 then leaves nothing running.
func dieWithParent() error {
	parent := os.Getppid()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("die with parent: %w", err)
	}
	if os.Getppid() != parent || parent == 1 {
		return errors.New("the starting process has already ended")
	}
	return nil
}
