package document_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	landlocksyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/document"
)

// envEscape marks a process that seals itself as a parser's child does and then
// does what a hostile document would have it do.
const envEscape = "TEST_DOCUMENT_ESCAPE"

// target is what an escape is aimed at.
type target struct {
	Layers   string // to be sealed with
	Secret   string // a file to read
	Writable string // a file to write to
	Dir      string // a directory to make a file in
	TCP      string
	UDP      string
	Unix     string
	Abstract string
}

type escaped struct {
	Level   string
	Results map[string]string // "" where the attempt succeeded
}

// escapes are the attempts. Each opens or does something that reading a
// document has no use for.
func escapes(t target) map[string]func() error {
	parent := os.Getppid()
	dial := func(network, address string) func() error {
		return func() error {
			conn, err := net.Dial(network, address)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.Write([]byte("stolen"))
			return err
		}
	}
	openFile := func(path string, flags int) func() error {
		return func() error {
			file, err := os.OpenFile(path, flags, 0o600)
			if err != nil {
				return err
			}
			return file.Close()
		}
	}
	call := func(number uintptr, arguments ...uintptr) func() error {
		return func() error {
			var a [6]uintptr
			copy(a[:], arguments)
			if _, _, errno := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
				return errno
			}
			return nil
		}
	}
	return map[string]func() error{
		"read a file":                openFile(t.Secret, os.O_RDONLY),
		"read /etc/passwd":           openFile("/etc/passwd", os.O_RDONLY),
		"read the parent's settings": openFile(fmt.Sprintf("/proc/%d/environ", parent), os.O_RDONLY),
		"list a directory":           func() error { _, err := os.ReadDir(t.Dir); return err },
		"write to a file":            openFile(t.Writable, os.O_WRONLY),
		"make a file":                openFile(filepath.Join(t.Dir, "new"), os.O_WRONLY|os.O_CREATE),
		"remove a file":              func() error { return os.Remove(filepath.Join(t.Dir, "old")) },
		"make a link":                func() error { return os.Symlink("/", filepath.Join(t.Dir, "link")) },
		"connect over TCP":           dial("tcp", t.TCP),
		"send over UDP":              dial("udp", t.UDP),
		"connect to a UNIX socket":   dial("unix", t.Unix),
		"connect to an abstract one": dial("unix", t.Abstract),
		"listen":                     func() error { l, err := net.Listen("tcp", "127.0.0.1:0"); closeIf(l); return err },
		"start a program":            func() error { return exec.Command("/bin/true").Run() },
		"start a process":            func() error { return fork() },
		"signal the parent":          func() error { return syscall.Kill(parent, 0) },
		"trace the parent":           func() error { return seize(parent) },
		"open the parent's pidfd":    func() error { fd, err := unix.PidfdOpen(parent, 0); closeFD(fd, err); return err },
		"make a file in memory":      func() error { fd, err := unix.MemfdCreate("x", 0); closeFD(fd, err); return err },
		"set up io_uring":            func() error { return uring() },
		"new user namespace":         call(unix.SYS_UNSHARE, unix.CLONE_FS),
		"signal by an open file":     func() error { _, err := unix.FcntlInt(0, unix.F_SETOWN, parent); return err },
		"raise its limits":           func() error { return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: 1}) },
		"read another's memory":      call(unix.SYS_PROCESS_VM_READV, uintptr(parent), 0, 0, 0, 0, 0),
		"use the kernel's keys":      call(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(2), 0),
	}
}

func closeIf(l net.Listener) {
	if l != nil {
		_ = l.Close()
	}
}

func closeFD(fd int, err error) {
	if err == nil {
		_ = unix.Close(fd)
	}
}

// fork makes a process and ends it at once.
func fork() error {
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		for {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := syscall.Wait4(int(pid), nil, 0, nil)
	return err
}

func uring() error {
	var parameters [120]byte
	fd, _, errno := syscall.RawSyscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&parameters)), 0)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
}

func runEscapeIfAsked() {
	encoded, asked := os.LookupEnv(envEscape)
	if !asked {
		return
	}
	var t target
	if err := json.Unmarshal([]byte(encoded), &t); err != nil {
		panic(err)
	}
	runtime.LockOSThread() // with cgo, Landlock may bind this thread only
	attempts := escapes(t)
	outcome := escaped{Results: map[string]string{}}
	level, err := document.SealWith(t.Layers)
	if err != nil {
		panic(err)
	}
	outcome.Level = level
	for name, attempt := range attempts {
		if err := attempt(); err != nil {
			outcome.Results[name] = err.Error()
		} else {
			outcome.Results[name] = ""
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(outcome)
	os.Exit(0)
}

// escape runs the attempts in a process with some layers, beside servers that
// would answer.
func escape(t *testing.T, layers string) escaped {
	t.Helper()
	dir, err := os.MkdirTemp("", "escape-") // short: a socket is in it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	it := target{Layers: layers, Dir: dir, Secret: filepath.Join(dir, "secret"), Writable: filepath.Join(dir, "writable"), Unix: filepath.Join(dir, "s")}
	for _, name := range []string{it.Secret, it.Writable, filepath.Join(dir, "old")} {
		require.NoError(t, os.WriteFile(name, []byte("x"), 0o600))
	}
	serve := func(network, address string) string {
		l, err := net.Listen(network, address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().String()
	}
	it.TCP = serve("tcp", "127.0.0.1:0")
	serve("unix", it.Unix)
	it.Abstract = serve("unix", "@chatconnect-test-"+filepath.Base(dir))
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = udp.Close() })
	it.UDP = udp.LocalAddr().String()

	self, err := os.Executable()
	require.NoError(t, err)
	encoded, err := json.Marshal(it)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self)
	command.Env = []string{envEscape + "=" + string(encoded)}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	require.NoError(t, err, stderr.String())
	var outcome escaped
	require.NoError(t, json.Unmarshal(output, &outcome), string(output))
	return outcome
}

// TestSandboxRefusesEscapes tries to get out of each layer alone and of both.
// Without any, every attempt must succeed, or this test would prove nothing.
func TestSandboxRefusesEscapes(t *testing.T) {
	t.Parallel()
	abi, err := landlocksyscall.LandlockGetABIVersion()
	hasLandlock := err == nil
	open := escape(t, "")
	require.Equal(t, "rlimits", open.Level)
	possible := map[string]bool{}
	for name, refusal := range open.Results {
		possible[name] = refusal == ""
	}
	for _, name := range []string{
		"read a file", "read /etc/passwd", "write to a file", "make a file", "list a directory", "connect over TCP", "send over UDP",
		"connect to a UNIX socket", "connect to an abstract one", "start a program", "start a process", "signal the parent", "make a file in memory",
	} {
		require.True(t, possible[name], "%s: %s", name, open.Results[name])
	}

	requireRefused := func(t *testing.T, outcome escaped, names ...string) {
		t.Helper()
		for _, name := range names {
			require.NotEmpty(t, outcome.Results[name], "%s: %s succeeded", outcome.Level, name)
		}
	}
	files := []string{"read a file", "read /etc/passwd", "read the parent's settings", "list a directory", "write to a file", "make a file", "remove a file", "make a link"}
	t.Run("landlock", func(t *testing.T) {
		if !hasLandlock {
			t.Skip("this kernel has no Landlock")
		}
		outcome := escape(t, "landlock")
		require.Equal(t, fmt.Sprintf("landlock ABI %d + rlimits", abi), outcome.Level)
		requireRefused(t, outcome, append(files, "start a program", "trace the parent")...)
		if abi >= 4 {
			requireRefused(t, outcome, "connect over TCP")
		}
		if abi >= 6 {
			requireRefused(t, outcome, "signal the parent", "connect to an abstract one")
		}
	})
	t.Run("seccomp", func(t *testing.T) {
		outcome := escape(t, "seccomp")
		require.Equal(t, "seccomp + rlimits", outcome.Level)
		for name := range open.Results {
			require.NotEmpty(t, outcome.Results[name], "%s succeeded", name)
		}
	})
	t.Run("both", func(t *testing.T) {
		outcome := escape(t, "landlock seccomp")
		if hasLandlock {
			require.Equal(t, fmt.Sprintf("landlock ABI %d + seccomp + rlimits", abi), outcome.Level)
		}
		for name := range open.Results {
			require.NotEmpty(t, outcome.Results[name], "%s succeeded", name)
		}
	})
}

// TestChildReadsSealed looks at a child that reads a document: the filter is
// on all of its threads.
func TestChildReadsSealed(t *testing.T) {
	t.Parallel()
	require.NoError(t, whileReading(t, unhurried, func(pid int) {
		threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
		require.NoError(t, err)
		require.NotEmpty(t, threads)
		for _, thread := range threads {
			status, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // ended since
			}
			require.NoError(t, err)
			require.Contains(t, string(status), "Seccomp:\t2", thread)
		}
	}))
}

// The level is what a child says of itself, and is logged once.
func TestConfinementIsReported(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := document.NewParser(document.Options{CacheDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	level, err := p.Confinement(context.Background())
	require.NoError(t, err)
	require.Contains(t, level, "seccomp + rlimits")
	if abi, err := landlocksyscall.LandlockGetABIVersion(); err == nil {
		require.Equal(t, fmt.Sprintf("landlock ABI %d + seccomp + rlimits", abi), level)
	} else {
		require.Contains(t, level, "lacking: Landlock")
	}
	require.NoError(t, p.Parse(context.Background(), chatconnect.TypeTXT, strings.NewReader("a"), func(chatconnect.Block) error { return nil }, nil))
	require.Equal(t, 1, strings.Count(log.String(), "parser sandbox"), log.String())
}

// seize traces a process without stopping it.
func seize(pid int) error {
	if _, _, errno := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0, 0, 0); errno != 0 {
		return errno
	}
	_, _, errno := syscall.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(pid), 0, 0, 0, 0)
	if errno == syscall.ESRCH { // it runs: our end lets go of it
		return nil
	}
	return errnoOrNil(errno)
}

func errnoOrNil(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
