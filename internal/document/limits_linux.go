package document

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// selfPath starts the very binary that is running, even if its file has been
// replaced or removed since.
func selfPath() (string, error) { return "/proc/self/exe", nil }

// confine prepares a child's process: it dies with the thread that started
// it, and signals to our terminal's group don't reach it.
func confine(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// applyLimits is called in the child before it looks at the document.
//
// RLIMIT_DATA counts private writable memory (Linux 4.7 and later), which is
// what a hostile document makes grow; RLIMIT_AS would count the address space
// that Go and WebAssembly reserve but never touch.
func applyLimits(t task) (limits, error) {
	files, fileSize := uint64(32), uint64(0)
	if t.CacheDir != "" {
		fileSize = 256 << 20 // compiled code
	}
	rlimits := []struct {
		what  string
		which int
		value uint64
	}{
		{"data", unix.RLIMIT_DATA, uint64(t.MemoryBytes) * memoryFactor},
		{"cpu", unix.RLIMIT_CPU, uint64(t.CPUSeconds)},
		{"core", unix.RLIMIT_CORE, 0},
		{"files", unix.RLIMIT_NOFILE, files},
		{"file size", unix.RLIMIT_FSIZE, fileSize},
	}
	for _, l := range rlimits {
		if err := setLimit(l.which, l.value); err != nil {
			return limits{}, fmt.Errorf("%s: %w", l.what, err)
		}
	}
	// No setuid program could regain what the child lacks.
	if err := noNewPrivileges(); err != nil {
		return limits{}, fmt.Errorf("no_new_privs: %w", err)
	}
	// Answers, and the short steps of other documents, come first: on a machine
	// with fewer processors than children they would wait for all of these. All
	// threads count, those that run already too; hence the process's own group.
	// Linux's system call returns 20 minus the niceness.
	have, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return limits{}, fmt.Errorf("priority: %w", err)
	}
	if 20-have < niceness {
		if err := unix.Setpriority(unix.PRIO_PGRP, 0, niceness); err != nil {
			return limits{}, fmt.Errorf("priority: %w", err)
		}
	}
	return limits{
		InForce: fmt.Sprintf("data %d MB, cpu %d s, files %d, file size %d MB", t.MemoryBytes>>20, t.CPUSeconds, files, fileSize>>20),
	}, nil
}

// niceness is a child's, unless it had a higher one already.
const niceness = 10

// noNewPrivileges is for all threads, but where C code is linked in, which
// keeps threads of its own: there it is for the one that reads the document.
func noNewPrivileges() error {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	return errno
}

// setLimit lowers a limit to value, or leaves it if it is lower already.
func setLimit(which int, value uint64) error {
	var have unix.Rlimit
	if err := unix.Getrlimit(which, &have); err != nil {
		return err
	}
	want := unix.Rlimit{Cur: min(value, have.Max), Max: min(value, have.Max)}
	return unix.Setrlimit(which, &want)
}

// isOurs reports whether only we can write to a directory.
func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o022 == 0
}

// killedBySignal reports whether a process ended by a signal that somebody
// sent, and whether it was RLIMIT_CPU's.
func killedBySignal(err error) (killed, overCPU bool) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false, false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return false, false
	}
	signal := status.Signal()
	return signal == syscall.SIGKILL || signal == syscall.SIGTERM, signal == syscall.SIGXCPU
}
