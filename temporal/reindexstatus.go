package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	chatconnect "github.com/chatconnect/chatconnect"
)

// ReindexStatus is the reindex that runs, or the last one.
type ReindexStatus struct {
	RunID    string
	Running  bool
	Outcome  string // of one that has ended: "completed", "canceled", "failed", …
	Progress ReindexProgress
	// Answered is false if no worker told the progress.
	Answered bool
}

// StartReindex starts the reindex, or attaches to the one that runs.
func StartReindex(ctx context.Context, c client.Client, in *ReindexInput) (client.WorkflowRun, error) {
	return c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       ReindexWorkflowID,
		TaskQueue:                QueueIngestion,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, WorkflowReindexAll, in)
}

// DescribeReindex asks how the reindex is doing; chatconnect.ErrNotFound if
// there has been none. data decodes the reason for which it waits.
func DescribeReindex(ctx context.Context, c client.Client, data converter.DataConverter) (*ReindexStatus, error) {
	described, err := c.DescribeWorkflowExecution(ctx, ReindexWorkflowID, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil, chatconnect.ErrNotFound.Because(err)
	}
	if err != nil {
		return nil, err
	}
	info := described.GetWorkflowExecutionInfo()
	status := &ReindexStatus{
		RunID:   info.GetExecution().GetRunId(),
		Running: info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Outcome: info.GetStatus().String(),
	}
	value, err := c.QueryWorkflow(ctx, ReindexWorkflowID, status.RunID, QueryProgress)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil && value.Get(&status.Progress) == nil {
		status.Answered = true
	}
	if status.Running {
		status.Progress.Waiting = waiting(described, data)
	}
	return status, nil
}

// waiting is the reason of the activity that is tried again soonest.
func waiting(described *workflowservice.DescribeWorkflowExecutionResponse, data converter.DataConverter) string {
	var soonest time.Time
	why := ""
	for _, activity := range described.GetPendingActivities() {
		if activity.GetLastFailure() == nil || activity.GetState() != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
			continue
		}
		next := activity.GetNextAttemptScheduleTime().AsTime()
		if why == "" || next.Before(soonest) {
			soonest = next
			converter.DecodeCommonFailureAttributes(data, activity.GetLastFailure())
			why = fmt.Sprintf("%s Next try at %s UTC (attempt %d).", activity.GetLastFailure().GetMessage(),
				next.UTC().Add(time.Second-1).Truncate(time.Second).Format(time.TimeOnly), activity.GetAttempt())
		}
	}
	return why
}
