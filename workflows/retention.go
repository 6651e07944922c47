package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// ExpireChats deletes conversations, ratings and comments that are older than
// their clients keep them, some clients at a time. A long round goes on in a
// new run.
func ExpireChats(ctx workflow.Context, in *temporal.ExpireChatsInput) (*temporal.ExpireChatsResult, error) {
	var a *activities.Retention
	for {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return nil, workflow.NewContinueAsNewError(ctx, temporal.WorkflowExpireChats, in)
		}
		var part temporal.ExpirePartResult
		if err := stage(ctx, 15*time.Minute, a.ExpirePart, &temporal.ExpirePart{After: in.After, Now: workflow.Now(ctx)}, &part); err != nil {
			return nil, err
		}
		in.Result.Clients += part.Clients
		in.Result.Rows += part.Rows
		in.Result.Failed += part.Failed
		if part.Next == "" {
			return &in.Result, nil
		}
		in.After = part.Next
	}
}
