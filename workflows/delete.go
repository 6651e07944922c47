package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

const (
	// stopPatience is how long workflows that were cancelled may take to end by
	// themselves. They remove what they left, so that is worth waiting for.
	stopPatience = 5 * time.Minute
	longestPause = 15 * time.Second
	// roundsPerRun bounds a run's history.
	roundsPerRun = 100
)

// DeleteDocument removes a document that is marked as being deleted: it ends
// its ingestion, removes what all versions left, and is done when every store
// counts nothing. Only then do the dashboards learn of it.
func DeleteDocument(ctx workflow.Context, in *temporal.DeleteInput) error {
	var a *activities.Commands
	// That there is none, or none any more, is as good.
	_ = workflow.RequestCancelExternalWorkflow(ctx, temporal.IngestionWorkflowID(in.ClientID, in.Revision()), "").Get(ctx, nil)
	if err := untilStopped(ctx, a.StopIngestion, *in); err != nil {
		return err
	}
	pause := time.Second
	for range roundsPerRun {
		if err := stage(ctx, 5*time.Minute, a.RemoveDocument, in, nil); err != nil {
			return err
		}
		var left temporal.Remains
		if err := stage(ctx, time.Minute, a.CountDocument, in, &left); err != nil {
			return err
		}
		if left.None() {
			return stage(ctx, time.Minute, a.AnnounceDeleted, in, nil)
		}
		workflow.GetLogger(ctx).Warn("a deleted document is not gone yet", "left", left)
		if err := rest(ctx, &pause); err != nil {
			return err
		}
	}
	return workflow.NewContinueAsNewError(ctx, temporal.WorkflowDeleteDocument, in)
}

// untilStopped asks stop until nothing runs any more, and after stopPatience
// has it terminate what does. It holds no worker's place meanwhile: what is to
// end needs one.
func untilStopped(ctx workflow.Context, stop any, in temporal.DeleteInput) error {
	began, pause := workflow.Now(ctx), 250*time.Millisecond
	for {
		var result temporal.StopResult
		late := workflow.Now(ctx).Sub(began) > stopPatience
		if err := stage(ctx, time.Minute, stop, &temporal.StopInput{DeleteInput: in, Terminate: late}, &result); err != nil {
			return err
		}
		if result.Running == 0 {
			return nil
		}
		if err := rest(ctx, &pause); err != nil {
			return err
		}
	}
}

// rest sleeps, twice as long each time up to longestPause.
func rest(ctx workflow.Context, pause *time.Duration) error {
	err := workflow.Sleep(ctx, *pause)
	*pause = min(2**pause, longestPause)
	return err
}
