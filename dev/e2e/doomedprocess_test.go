package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/telemetry"
	"github.com/chatconnect/chatconnect/worker"
)

// runDoomedIfAsked makes this process a worker that dies at the step named by
// its environment.
func runDoomedIfAsked() {
	step := os.Getenv(doomVariable)
	if step == "" {
		return
	}
	err := runDoomed(&doom{step: step})
	fmt.Fprintln(os.Stderr, "it lives:", err)
	os.Exit(1)
}

func runDoomed(d *doom) error {
	settings, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := app.New(ctx, settings, app.Options{
		Roles:  app.Roles{Worker: true},
		Logger: telemetry.NewLogger(os.Stderr, settings.LogLevel),
		AdjustWorker: func(o *worker.Options) {
			o.Interceptors = append(o.Interceptors, d)
			in := o.Ingestion
			in.Documents = doomedDocuments{in.Documents, d}
			in.Blobs = doomedBlobs{in.Blobs, d}
			in.Parser = doomedParser{in.Parser, d}
			in.Chunker = doomedChunker{in.Chunker, d}
			in.Embedders = doomedEmbedders{in.Embedders, d}
			in.Index = doomedIndex{in.Index, d}
			d.chat(o.Chat)
		},
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// doomedProcess is a running one.
type doomedProcess struct {
	t              testing.TB
	step           string
	command        *exec.Cmd
	stdout, stderr bytes.Buffer // to be read after exited
	exited         chan struct{}
}

func startDoomed(t testing.TB, environ []string, step string) *doomedProcess {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &doomedProcess{t: t, step: step, command: exec.Command(self), exited: make(chan struct{})}
	p.command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), doomVariable + "=" + step,
	}, environ...)
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.command.Start())
	go func() {
		defer close(p.exited)
		_ = p.command.Wait() // killed on purpose
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *doomedProcess) kill() {
	_ = p.command.Process.Kill()
	<-p.exited
}

// awaitDeath waits until the process has died of SIGKILL, at its step.
func (p *doomedProcess) awaitDeath() {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("%q is never reached", p.step)
	}
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	require.True(p.t, ok && status.Signal() == syscall.SIGKILL, "it ended otherwise: %s\n%s", p.command.ProcessState, p.stderr.String())
	if !strings.HasSuffix(p.step, " asking") { // those are killed from outside
		require.Equal(p.t, p.step, strings.TrimSpace(p.stdout.String()))
	}
}
