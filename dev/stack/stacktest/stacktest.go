// Package stacktest gives tests the surroundings of the app cheaply: one
// embedded stack for a whole test process, in which every test has a database
// and a Temporal namespace of its own. Tests that kill things start a private
// stack instead, or the dev binary. The stack runs in a process beside the
// tests, so that the race detector watches our code and not Temporal's server.
//
// Redis and Qdrant are shared. That is no loss of isolation: what is in Redis
// is kept apart by client, and clients have random ids; in Qdrant every test has
// collections of its own.
package stacktest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chatconnect/chatconnect/internal/pgserver/pgtest"
)

// patience bounds every wait. A healthy machine needs a fraction of it.
const patience = 2 * time.Minute

// Environ returns the settings for an app of this test alone: they are for
// config.Load, and complete. Ports are free ones. Later values win, so that
// settings may be appended.
func Environ(t testing.TB) []string {
	t.Helper()
	common, err := shared()
	require.NoError(t, err)
	namespace := "test-" + uuid.NewString()
	createNamespace(t, common["TEMPORAL_ADDRESS"], namespace)
	owner := pgtest.ForTest(t)
	return []string{
		"MIGRATE_DATABASE_URL=" + owner,
		"DATABASE_URL=" + pgtest.Runtime(t, owner),
		"REDIS_URL=" + common["REDIS_URL"],
		"QDRANT_URL=" + common["QDRANT_URL"],
		"QDRANT_PREFIX=" + namespace,
		"TEMPORAL_ADDRESS=" + common["TEMPORAL_ADDRESS"],
		"TEMPORAL_NAMESPACE=" + namespace,
		"SESSION_SECRET=" + common["SESSION_SECRET"],
		"INTERNAL_API_SECRET=" + common["INTERNAL_API_SECRET"],
		"UPLOAD_DIR=" + t.TempDir(),
		"HOST=127.0.0.1",
		"REGISTRATION=open",
		"PORT=0",
		"METRICS_ADDR=127.0.0.1:0",
		"SHUTDOWN_TIMEOUT=5s",
		"JANITOR_INTERVAL=0", // a test that wants it has it run
	}
}

// InternalSecret is INTERNAL_API_SECRET of every Environ.
func InternalSecret(t testing.TB) string {
	t.Helper()
	common, err := shared()
	require.NoError(t, err)
	return common["INTERNAL_API_SECRET"]
}

// Private starts a stack for this test alone, with its state in home, and
// returns its settings. It stops when the test ends. It takes about a second,
// the first time on a home twice that.
func Private(t testing.TB, home string) map[string]string {
	t.Helper()
	s, err := startServer(home)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	return s.Settings
}

// shared starts the stack of this process: everything but PostgreSQL, which
// pgtest has. It runs until the process ends.
var shared = sync.OnceValues(func() (map[string]string, error) {
	base := filepath.Join(os.TempDir(), "chatconnect-stacktest")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(base, "")
	if err != nil {
		return nil, err
	}
	s, err := startServer("-temporary", home, "DATABASE_URL=pgtest")
	if err != nil {
		return nil, err
	}
	// Waiting also keeps the server's input from being collected, and so closed.
	go func() { fmt.Fprintln(os.Stderr, "stackserver has ended:", s.command.Wait()) }()
	return s.Settings, nil
})

// createNamespace returns when workflows can be started in it.
func createNamespace(t testing.TB, address, namespace string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{
		HostPort: address, Namespace: namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience},
	})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		_, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1})
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(t, fmt.Errorf("namespace %s: %w", namespace, err))
		case <-retry.C:
		}
	}
}
