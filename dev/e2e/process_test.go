package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/dev/stack/stacktest"
)

// devBinary builds the binary of `make dev`, once.
var devBinary = sync.OnceValues(func() (string, error) { return stacktest.Build("cmd/chatconnect-dev") })

// newHome makes a state directory that PostgreSQL's own user can reach, which
// t.TempDir() is not when the tests run as root.
func newHome(t testing.TB) string {
	t.Helper()
	home, err := os.MkdirTemp("", "chatconnect-e2e-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return home
}

// process is a running `make dev`, all of ChatConnect in one process group.
type process struct {
	t       testing.TB
	command *exec.Cmd
	exited  chan struct{}
	output  *bytes.Buffer // to be read after exited
	url     string
	home    string
	environ []string
}

// startProcess runs the dev stack with its state in home and waits until it
// is ready.
func startProcess(t testing.TB, home string, environ ...string) *process {
	t.Helper()
	binary, err := devBinary()
	require.NoError(t, err)
	p := launch(t, binary, append([]string{"CHATCONNECT_HOME=" + home}, environ...))
	p.home, p.environ = home, environ
	return p
}

// launch runs a program with an API in a process group of its own, with this
// environment and nothing else, and waits until it is ready.
func launch(t testing.TB, program string, environ []string) *process {
	t.Helper()
	port := freePort(t)
	p := &process{
		t: t, command: exec.Command(program), exited: make(chan struct{}), output: &bytes.Buffer{},
		url: fmt.Sprintf("http://localhost:%d", port),
	}
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}, environ...)
	p.command.Env = append(p.command.Env, fmt.Sprintf("PORT=%d", port))
	p.command.Stdout, p.command.Stderr = p.output, p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.command.Start())
	go func() {
		defer close(p.exited)
		_ = p.command.Wait() // killed on purpose
	}()
	t.Cleanup(p.kill)
	p.waitReady()
	return p
}

func (p *process) waitReady() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/readyz", nil)
		require.NoError(p.t, err)
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-p.exited:
			p.t.Fatalf("the process ended: %s", p.output)
		case <-ctx.Done():
			p.t.Fatal("not ready in time")
		}
	}
}

// kill is kill -9 of the whole process group.
func (p *process) kill() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// restart starts it again on the same state.
func (p *process) restart() *process {
	p.t.Helper()
	return startProcess(p.t, p.home, p.environ...)
}

// interrupt is Ctrl-C; it waits for the end and expects success.
func (p *process) interrupt() {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(os.Interrupt))
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatal("it does not stop")
	}
	require.Zero(p.t, p.command.ProcessState.ExitCode(), "%s", p.output)
}

// freePort is below those that the system gives to whoever asks for any: the
// process binds it seconds later, and until then it would be anybody's.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// runDev runs the dev stack in the foreground until it ends by itself.
func runDev(t testing.TB, home string) (output string, err error) {
	t.Helper()
	binary, err := devBinary()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, binary)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "CHATCONNECT_HOME=" + home, fmt.Sprintf("PORT=%d", freePort(t))}
	combined, err := command.CombinedOutput()
	return string(combined), err
}
