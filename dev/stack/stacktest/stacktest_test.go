package stacktest

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

func answer(workflow.Context) (int, error) { return 42, nil }

// TestTestsAreApart runs the same workflow id on the same task queue twice at
// once, each with its own worker and database.
func TestTestsAreApart(t *testing.T) {
	t.Parallel()
	databases := make(chan string, 2)
	t.Run("group", func(t *testing.T) {
		for _, name := range []string{"one", "other"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				env := settings(Environ(t))
				t.Logf("environment after %v", time.Since(began).Round(time.Millisecond))
				conn, err := pgx.Connect(t.Context(), env["DATABASE_URL"])
				require.NoError(t, err)
				var database string
				require.NoError(t, conn.QueryRow(t.Context(), `SELECT current_database()`).Scan(&database))
				require.NoError(t, conn.Close(t.Context()))
				databases <- database

				c, err := client.Dial(client.Options{
					HostPort: env["TEMPORAL_ADDRESS"], Namespace: env["TEMPORAL_NAMESPACE"],
					Logger:            sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
					ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: patience},
				})
				require.NoError(t, err)
				defer c.Close()
				worker := sdkworker.New(c, "queue", sdkworker.Options{})
				worker.RegisterWorkflow(answer)
				require.NoError(t, worker.Start())
				defer worker.Stop()
				run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "w", TaskQueue: "queue", WorkflowExecutionErrorWhenAlreadyStarted: true}, answer)
				require.NoError(t, err)
				var got int
				require.NoError(t, run.Get(t.Context(), &got))
				require.Equal(t, 42, got)
			})
		}
	})
	one, other := <-databases, <-databases
	require.NotEqual(t, one, other)
}

func settings(environ []string) map[string]string {
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
