package stack

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/chatconnect/chatconnect/internal/pgserver"
)

// RunningError refuses to touch a state directory that a running process uses.
type RunningError struct {
	Home string
	PID  int // 0 if unknown
}

func (e *RunningError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = "process " + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("ChatConnect is already running on %s (%s); stop it, or set CHATCONNECT_HOME to another directory", e.Home, who)
}

// home is a state directory held by this process.
type home struct {
	dir  string
	lock *os.File
}

// openHome creates the directory if it is missing and takes it for this
// process, until close or the process's death, however it dies.
func openHome(dir string) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	// Traversable by others: PostgreSQL runs as another user when we are root.
	// What is secret in it is protected by its own mode.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	// The lock file is never removed: a lock on a removed file protects nothing.
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = lock.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			content, _ := io.ReadAll(io.LimitReader(lock, 32))
			pid, _ := strconv.Atoi(strings.TrimSpace(string(content)))
			return nil, &RunningError{Home: dir, PID: pid}
		}
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	h := &home{dir: dir, lock: lock}
	if err := errors.Join(lock.Truncate(0), writeAt(lock, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", lock.Name(), err), h.close())
	}
	return h, nil
}

func writeAt(file *os.File, content string) error {
	_, err := file.WriteAt([]byte(content), 0)
	return err
}

// path names something in the directory.
func (h *home) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

// close lets the next process have the directory. Closing the file would not
// do: a child that another goroutine is just starting holds a copy of it until
// it runs its own program.
func (h *home) close() error {
	_ = syscall.Flock(int(h.lock.Fd()), syscall.LOCK_UN)
	return h.lock.Close()
}

// Reset removes everything in a state directory, so that the next start is a
// first one. It refuses with a RunningError while the directory is in use.
func Reset(dir string) (err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	h, err := openHome(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := removeDatabase(h.path("postgres")); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	for _, entry := range entries {
		if entry.Name() == filepath.Base(h.lock.Name()) {
			continue
		}
		if err := os.RemoveAll(h.path(entry.Name())); err != nil {
			return fmt.Errorf("reset: %w", err)
		}
	}
	return nil
}

// removeDatabase removes it wherever it lies (see pgserver.ResolveDataDir). The
// server of a process that was just killed may need a moment to follow it.
func removeDatabase(dir string) error {
	const patience, pause = time.Minute, 50 * time.Millisecond
	for began := time.Now(); ; time.Sleep(pause) {
		err := pgserver.Remove(dir)
		var inUse *pgserver.InUseError
		if !errors.As(err, &inUse) || time.Since(began) > patience {
			return err
		}
	}
}
