package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// Janitor looks for what belongs to nothing in every store, part by part, and
// removes it, first of the documents that the database knows, and then, if there
// are not too many, of those that it doesn't; fills the index where it lost
// points of what search sees; and counts what only a person can mend. A long
// round goes on in a new run.
func Janitor(ctx workflow.Context, in *temporal.JanitorInput) (*temporal.JanitorResult, error) {
	if err := workflow.SetQueryHandler(ctx, temporal.QueryProgress, func() (temporal.JanitorInput, error) {
		return *in, nil
	}); err != nil {
		return nil, err
	}
	var a *activities.Janitor
	in.Result.DryRun = in.DryRun
	for in.Phase < temporal.JanitorDone {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return nil, workflow.NewContinueAsNewError(ctx, temporal.WorkflowJanitor, in)
		}
		var look any
		var examined *int
		switch in.Phase {
		case temporal.JanitorBlobs:
			look, examined = a.SweepBlobs, &in.Result.Blobs
		case temporal.JanitorPoints:
			look, examined = a.SweepPoints, &in.Result.Points
		case temporal.JanitorRevisions:
			look, examined = a.FindShort, &in.Result.Revisions
		default:
			look, examined = a.FindStuck, &in.Result.Documents
		}
		var part temporal.JanitorPartResult
		if err := stage(ctx, 15*time.Minute, look, &temporal.JanitorPart{DryRun: in.DryRun, Cursor: in.Cursor, JanitorSecond: in.JanitorSecond}, &part); err != nil {
			return nil, err
		}
		if !in.Again {
			*examined += part.Examined
			in.Seen.Known += part.Seen.Known
			in.Seen.Unknown += part.Seen.Unknown
		}
		in.Result.Add(part.Findings...)
		for i := range part.Short {
			if err := refill(ctx, &part.Short[i], &in.Result); err != nil {
				return nil, err
			}
		}
		in.Cursor = part.Next
		if in.Cursor != "" {
			continue
		}
		if in.Seen.Unknown > 0 && !in.Again {
			if err := stage(ctx, time.Minute, a.JudgeUnknown, &in.Seen, &in.JanitorSecond); err != nil {
				return nil, err
			}
			continue
		}
		in.Phase++
		in.Seen, in.JanitorSecond = temporal.JanitorSeen{}, temporal.JanitorSecond{}
	}
	return &in.Result, nil
}

// refill embeds an active revision again, over the points there are. It does
// not wait for a provider that is away: the next round tries again.
func refill(ctx workflow.Context, short *temporal.ShortRevision, result *temporal.JanitorResult) error {
	w := &ingestion{IngestInput: &short.IngestInput}
	if err := w.embed(ctx, short.Chunks); err != nil {
		workflow.GetLogger(ctx).Warn("index not filled", "document", short.DocumentID, "error", err)
	}
	var a *activities.Janitor
	var checked temporal.JanitorPartResult
	if err := stage(ctx, time.Minute, a.CheckRepaired, short, &checked); err != nil {
		return err
	}
	result.Add(checked.Findings...)
	return nil
}
