package develop

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/dev/stack"
	"github.com/chatconnect/chatconnect/internal/document"
)

// asCommand makes this test binary be chatconnect-dev.
const asCommand = "BE_CHATCONNECT_DEV"

func TestMain(m *testing.M) {
	document.RunChildIfAsked() // the parser's child does not inherit the environment
	if os.Getenv(asCommand) != "" {
		Main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const patience = 3 * time.Minute // also under -race on two busy cores

// command is a running chatconnect-dev.
type command struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *output
	exited chan struct{}
}

// output can be read while it is written.
type output struct {
	mu      sync.Mutex
	content bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.content.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.content.String()
}

// tempHome is a state directory, reset after the test: root's database lies
// outside it (see pgserver.ResolveDataDir).
func tempHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Cleanup(func() {
		// A kill takes a moment.
		var err error
		require.Eventually(t, func() bool { err = stack.Reset(home); return err == nil }, patience, 10*time.Millisecond, "the state directory can't be removed")
		require.NoError(t, err)
	})
	return home
}

func start(t *testing.T, home string, args ...string) *command {
	t.Helper()
	return startAs(t, home, exec.Command(os.Args[0], args...))
}

func startAs(t *testing.T, home string, cmd *exec.Cmd) *command {
	t.Helper()
	c := &command{t: t, cmd: cmd, output: &output{changed: make(chan struct{}, 1)}, exited: make(chan struct{})}
	cmd.Env = []string{
		asCommand + "=1", "CHATCONNECT_HOME=" + home, "PORT=0", "METRICS_ADDR=127.0.0.1:0",
		"SHUTDOWN_TIMEOUT=1m", // what does not stop in time is an error
		"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(),
	}
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	go func() {
		defer close(c.exited)
		_ = cmd.Wait() // the tests look at its state
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-c.exited
	})
	return c
}

// says waits for the text in the output.
func (c *command) says(text string) {
	c.t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(c.output.String(), text) {
		select {
		case <-c.output.changed:
		case <-c.exited:
			if !strings.Contains(c.output.String(), text) {
				c.t.Fatalf("it ended without saying %q:\n%s", text, c.output)
			}
		case <-deadline:
			c.t.Fatalf("it does not say %q:\n%s", text, c.output)
		}
	}
}

func (c *command) ends(code int) {
	c.t.Helper()
	select {
	case <-c.exited:
		require.Equal(c.t, code, c.cmd.ProcessState.ExitCode(), "%s", c.output)
	case <-time.After(patience):
		c.t.Fatalf("it does not end:\n%s", c.output)
	}
}

func TestStartStopAndStartAgain(t *testing.T) {
	t.Parallel()
	home := tempHome(t)
	first := start(t, home)
	first.says("Ctrl-C stops it.")
	for _, part := range []string{"App", "Temporal UI", "Metrics", "demo@chatconnect.local  " + localPassword} {
		require.Contains(t, first.output.String(), part)
	}
	account, err := os.ReadFile(filepath.Join(home, "demo.json"))
	require.NoError(t, err)

	second := start(t, home)
	second.ends(1)
	require.Contains(t, second.output.String(), "already running")
	require.Contains(t, second.output.String(), "process "+strconv.Itoa(first.cmd.Process.Pid))
	reset := start(t, home, "--reset")
	reset.ends(1)
	require.Contains(t, reset.output.String(), "already running")

	require.NoError(t, first.cmd.Process.Signal(os.Interrupt))
	first.ends(0)
	require.Equal(t, 1, strings.Count(first.output.String(), "Stopping"))

	again := start(t, home)
	again.says("Ctrl-C stops it.")
	kept, err := os.ReadFile(filepath.Join(home, "demo.json"))
	require.NoError(t, err)
	require.Equal(t, string(account), string(kept))
	require.NoError(t, again.cmd.Process.Signal(syscall.SIGTERM))
	again.ends(0)

	anew := start(t, home, "--reset", "--no-demo")
	anew.says("Ctrl-C stops it.")
	_, err = os.Stat(filepath.Join(home, "demo.json"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestKilledWithItsParent kills a parent that can't pass anything on; nothing
// may stay, and the next start must find the state in order.
func TestKilledWithItsParent(t *testing.T) {
	t.Parallel()
	home := tempHome(t)
	shell := exec.Command("sh", "-c", `"$0" --die-with-parent --no-demo & wait`, os.Args[0])
	parent := startAs(t, home, shell)
	parent.says("Ctrl-C stops it.")
	content, err := os.ReadFile(filepath.Join(home, "lock"))
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(content)))
	require.NoError(t, err)
	require.NotEqual(t, shell.Process.Pid, child)

	require.NoError(t, shell.Process.Kill())
	require.Eventually(t, func() bool {
		return errors.Is(syscall.Kill(child, 0), syscall.ESRCH)
	}, patience, 10*time.Millisecond, "the child %d lives on", child)
	start(t, home, "--no-demo").says("Ctrl-C stops it.")
}

func TestMistakesAreOneSentence(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"unknown flag":     {[]string{"--fast"}, "flag provided but not defined"},
		"unknown argument": {[]string{"fast"}, `unexpected argument "fast"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, tempHome(t), test.args...)
			c.ends(1)
			require.Contains(t, c.output.String(), test.says)
		})
	}
}
