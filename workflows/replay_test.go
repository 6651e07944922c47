package workflows

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/temporal"
)

// TestReplay holds committed histories, recorded from real runs by
// dev/e2e (UPDATE_HISTORIES=1), against the present code: a change that would
// strand running workflows fails here.
func TestReplay(t *testing.T) {
	t.Parallel()
	histories, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, histories)
	for _, history := range histories {
		t.Run(filepath.Base(history), func(t *testing.T) {
			t.Parallel()
			// A replay that gets no processor for a second is not deadlocked; one
			// that is ends with the test's own time.
			replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
			require.NoError(t, err)
			replayer.RegisterWorkflowWithOptions(IngestDocument, workflow.RegisterOptions{Name: temporal.WorkflowIngestDocument})
			replayer.RegisterWorkflowWithOptions(AnswerMessage, workflow.RegisterOptions{Name: temporal.WorkflowAnswerMessage})
			replayer.RegisterWorkflowWithOptions(DeleteDocument, workflow.RegisterOptions{Name: temporal.WorkflowDeleteDocument})
			replayer.RegisterWorkflowWithOptions(PurgeClient, workflow.RegisterOptions{Name: temporal.WorkflowPurgeClient})
			replayer.RegisterWorkflowWithOptions(Janitor, workflow.RegisterOptions{Name: temporal.WorkflowJanitor})
			replayer.RegisterWorkflowWithOptions(ReindexAll, workflow.RegisterOptions{Name: temporal.WorkflowReindexAll})
			replayer.RegisterWorkflowWithOptions(ExpireChats, workflow.RegisterOptions{Name: temporal.WorkflowExpireChats})
			replayer.RegisterWorkflowWithOptions(SendMail, workflow.RegisterOptions{Name: temporal.WorkflowSendMail})
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history))
		})
	}
}
