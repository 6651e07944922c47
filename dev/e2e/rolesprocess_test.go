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

	"github.com/stretchr/testify/require"

	"github.com/chatconnect/chatconnect/cmd/chatconnect/app"
	"github.com/chatconnect/chatconnect/internal/config"
	"github.com/chatconnect/chatconnect/internal/telemetry"
)

// rolesVariable makes a process of this binary one of ChatConnect: "api" or
// "api worker".
const rolesVariable = "E2E_ROLES"

func runRolesIfAsked() {
	roles := os.Getenv(rolesVariable)
	if roles == "" {
		return
	}
	err := runRoles(app.Roles{API: strings.Contains(roles, "api"), Worker: strings.Contains(roles, "worker")})
	fmt.Fprintln(os.Stderr, "it has ended:", err)
	os.Exit(1)
}

func runRoles(roles app.Roles) error {
	settings, err := config.Load(os.Environ())
	if err != nil {
		return err
	}
	ctx := context.Background()
	a, err := app.New(ctx, settings, app.Options{Roles: roles, Logger: telemetry.NewLogger(os.Stderr, settings.LogLevel)})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// startRolesProcess runs the roles as a process of its own, which has an API,
// and waits until it is ready.
func startRolesProcess(t testing.TB, roles string, environ []string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	port := freePort(t)
	p := &process{
		t: t, command: exec.Command(self), exited: make(chan struct{}), output: &bytes.Buffer{},
		url: fmt.Sprintf("http://localhost:%d", port),
	}
	p.command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), rolesVariable + "=" + roles,
	}, environ...)
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
