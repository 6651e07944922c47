//go:build unix

package pgserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// acquire locks the directory for this process. The kernel takes the lock back
// when the process ends, however it ends, so it can never be stale; the file
// also carries our process id, to tell others whom they wait for.
func acquire(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		content, _ := io.ReadAll(io.LimitReader(file, 32)) // without it the pid stays unknown
		pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
		return nil, &InUseError{DataDir: dir, PID: pid}
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		release(file)
		return nil, err
	}
	return file, nil
}

// release gives the directory back. Closing the file would not do: a child that
// another goroutine is just starting holds a copy of it until it runs its own
// program.
func release(lock *os.File) {
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) // closed already is as good
	lock.Close()
}

// postmaster returns the process id of a live PostgreSQL on the data
// directory, or 0. A process id alone proves little, as they are given out
// again (after a container's restart, at once), so where the system tells, the
// process must also work in that directory, which PostgreSQL always does.
func postmaster(data string) int {
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 0 {
		return 0
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return 0
	}
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return pid // a system that doesn't tell
	}
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // gone, or a zombie that nobody has buried: its memory is free
	}
	if real, realErr := filepath.EvalSymlinks(data); err == nil && realErr == nil && cwd != real {
		return 0
	}
	return pid
}
