package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// keysForgotten is when every API process has noticed that the client's keys
// are revoked (they are cached for a second) and what it accepted before can be
// seen among the running workflows.
const keysForgotten = 3 * time.Second

// PurgeClient removes a client that is marked as being deleted: what works for
// it, and what any store keeps of it. It is done when every store counts
// nothing, and says in the record of purges what there had been.
func PurgeClient(ctx workflow.Context, in *temporal.PurgeInput) (*temporal.PurgeResult, error) {
	var a *activities.Commands
	var result temporal.PurgeResult
	if err := stage(ctx, 5*time.Minute, a.CountClient, in, &result.Before); err != nil {
		return nil, err
	}
	if err := stage(ctx, time.Minute, a.RecordPurge, &temporal.PurgeRecord{PurgeInput: *in, Before: result.Before}, nil); err != nil {
		return nil, err
	}
	if err := workflow.Sleep(ctx, keysForgotten); err != nil {
		return nil, err
	}
	pause := time.Second
	for result.Rounds < roundsPerRun {
		result.Rounds++
		if err := untilStopped(ctx, a.StopClient, temporal.DeleteInput{ClientID: in.ClientID}); err != nil {
			return nil, err
		}
		if err := stage(ctx, 10*time.Minute, a.RemoveClient, in, nil); err != nil {
			return nil, err
		}
		var left temporal.Remains
		if err := stage(ctx, 5*time.Minute, a.CountClient, in, &left); err != nil {
			return nil, err
		}
		if left.None() {
			return &result, stage(ctx, time.Minute, a.FinishPurge, in, nil)
		}
		workflow.GetLogger(ctx).Warn("a deleted client is not gone yet", "left", left)
		if err := rest(ctx, &pause); err != nil {
			return nil, err
		}
	}
	return nil, workflow.NewContinueAsNewError(ctx, temporal.WorkflowPurgeClient, in)
}
