// Package stacktest gives tests the surroundings of the app cheaply: one
// embedded stack for a whole test process, in which every test has a database
// and a Temporal namespace of its own. Tests that kill things start a private
// stack instead, or the dev binary.
//
// Redis and Qdrant are shared. That is no loss of isolation: what is in Redis
// is kept apart by client, and clients have random ids; in Qdrant every test has
// collections of its own.
package stacktest

import (
	"context"
	"errors"
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

	"github.com/chatconnect/chatconnect/dev/stack"
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

// Home is a state directory for this test, removed with all that belongs to it
// when the test ends. (PostgreSQL's part may lie elsewhere: see
// pgserver.ResolveDataDir.) It waits for a killed process to let go of it.
func Home(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	t.Cleanup(func() {
		var running *stack.RunningError
		var err error
		for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
			if err = stack.Reset(home); !errors.As(err, &running) {
				break
			}
		}
		require.NoError(t, err)
	})
	return home
}

// Private starts a stack for this test alone, with its state in home, and
// stops it when the test ends. It takes about a second, the first time on a
// home twice that.
func Private(t testing.TB, home string, environ ...string) *stack.Stack {
	t.Helper()
	s, err := stack.Start(t.Context(), stack.Options{Home: home, Environ: environ, WithoutUI: true, Unsafe: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

// shared starts the stack of this process: everything but PostgreSQL, which
// pgtest has. It runs until the process ends; the state of earlier processes
// is removed.
var shared = sync.OnceValues(func() (map[string]string, error) {
	base := filepath.Join(os.TempDir(), "chatconnect-stacktest")
	if err := os.MkdirAll(base, 0o755); err != nil {
		return nil, err
	}
	removeLeftOvers(base)
	home, err := os.MkdirTemp(base, "")
	if err != nil {
		return nil, err
	}
	address, err := startTemporal(filepath.Join(home, "temporal"))
	if err != nil {
		return nil, err
	}
	s, err := stack.Start(context.Background(), stack.Options{
		Home: home, WithoutUI: true, Environ: []string{"DATABASE_URL=pgtest", "TEMPORAL_ADDRESS=" + address},
	})
	if err != nil {
		return nil, err
	}
	return s.Settings(), nil
})

// removeLeftOvers removes the state of processes that have ended. Those of
// running ones are locked.
func removeLeftOvers(base string) {
	homes, _ := filepath.Glob(filepath.Join(base, "*")) // the pattern is well-formed
	for _, home := range homes {
		info, err := os.Stat(home)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // may be about to be locked
		}
		if stack.Reset(home) == nil {
			_ = os.RemoveAll(home) // another process may do the same
		}
	}
}

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
