package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
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
	return launch(t, self, append([]string{rolesVariable + "=" + roles}, environ...))
}
