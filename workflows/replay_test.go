package workflows

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestReplay holds committed histories, recorded from real runs by
// dev/e2e (UPDATE_HISTORIES=1), against the present code: a change that would
// strand running workflows fails here.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, path := range histories(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			// A replay that gets no processor for a second is not deadlocked; one
			// that is ends with the test's own time.
			replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
			require.NoError(t, err)
			Register(replayer, replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), path))
		})
	}
}

// TestEveryWorkflowHasAHistory: a workflow that is registered can run, and one
// without a history could be changed under its runs.
func TestEveryWorkflowHasAHistory(t *testing.T) {
	t.Parallel()
	var registered names
	Register(&registered, &registered)
	var recorded []string
	for _, path := range histories(t) {
		file, err := os.Open(path)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.NoError(t, file.Close())
		recorded = append(recorded, history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName())
	}
	require.Subset(t, recorded, []string(registered))
}

// names is a Registry that keeps what it is told.
type names []string

func (n *names) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	*n = append(*n, options.Name)
}

func histories(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}
