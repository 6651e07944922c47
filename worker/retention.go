package worker

import (
	"context"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/temporal"
	"github.com/chatconnect/chatconnect/workflows"
)

func (w *Worker) registerRetention() {
	w.ingestion.RegisterWorkflowWithOptions(workflows.ExpireChats, workflow.RegisterOptions{Name: temporal.WorkflowExpireChats})
	w.ingestion.RegisterActivity(w.Retention)
}

// scheduleRetention sees to it that the schedule of ExpireChats is there,
// trying again until it is.
func (w *Worker) scheduleRetention(ctx context.Context) {
	for {
		attempt, cancel := context.WithTimeout(ctx, sweepInterval)
		err := temporal.EnsureExpireChats(attempt, w.Client)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			w.Logger.WarnContext(ctx, "deletion of old conversations not scheduled yet", "error", err)
		}
		select {
		case <-time.After(sweepInterval):
		case <-ctx.Done():
			return
		}
	}
}
