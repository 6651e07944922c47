package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// reindexAtOnce bounds what a reindex asks of the embedding queue. Its batches
// come after those of documents that are being uploaded.
const reindexAtOnce = 8

// reindex is the state of one ReindexAll workflow.
type reindex struct {
	*temporal.ReindexInput
	temporal.ReindexState
}

// ReindexAll builds the index anew with another model, from the chunks in
// PostgreSQL, while searches go on with the old one:
//
//  1. a new collection is made known; from then on all processes write to and
//     delete from both;
//  2. passes over all active revisions store what it lacks, until one finds
//     nothing lacking;
//  3. searches go to it;
//  4. after a grace, and one more pass, the old one is removed.
//
// If the index has the model already, only 2 is done, on the active collection.
// Cancelled before 3, it removes what it built; after 3 it goes on to the end.
func ReindexAll(ctx workflow.Context, in *temporal.ReindexInput) (*temporal.ReindexResult, error) {
	w := &reindex{ReindexInput: in}
	w.Progress.Stage = temporal.ReindexPreparing
	if in.State != nil {
		w.ReindexState = *in.State
	}
	if err := workflow.SetQueryHandler(ctx, temporal.QueryProgress, func() (temporal.ReindexProgress, error) {
		return w.Progress, nil
	}); err != nil {
		return nil, err
	}
	if !w.switched() {
		if err := w.build(ctx); err != nil {
			if workflow.IsContinueAsNewError(err) {
				return nil, err
			}
			if late := w.abandon(ctx); !late {
				return nil, err
			}
		}
	}
	// What is begun now is worth ending, whatever anybody wishes.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if err := w.retire(ctx); err != nil {
		return nil, err
	}
	w.Progress.Stage = temporal.ReindexDone
	return &temporal.ReindexResult{
		ReindexPlan: w.Plan, Embedded: w.Progress.Embedded, Tokens: w.Progress.Tokens, Passes: w.Progress.Pass,
	}, nil
}

// switched reports whether an earlier run has come that far.
func (w *reindex) switched() bool { return w.Progress.Stage == temporal.ReindexChecking }

// build makes the new generation complete and switches to it.
func (w *reindex) build(ctx workflow.Context) error {
	var a *activities.Reindex
	if w.Progress.Stage == temporal.ReindexPreparing {
		in := &temporal.ReindexInput{Model: w.Model, Dimensions: w.Dimensions}
		if err := stage(ctx, time.Minute, a.PrepareReindex, in, &w.Plan); err != nil {
			return err
		}
		w.Progress.From, w.Progress.To = w.Plan.From, w.Plan.To
		w.Progress.DocumentsTotal, w.Progress.ChunksTotal = w.Plan.Documents, w.Plan.Chunks
		if !w.Plan.InPlace {
			w.Progress.Stage = temporal.ReindexSettling
			if err := workflow.Sleep(ctx, cmp.Or(w.Settles, temporal.ReindexSettles)); err != nil {
				return err
			}
		}
	}
	w.Progress.Stage = temporal.ReindexEmbedding
	if err := w.fill(ctx); err != nil {
		return err
	}
	if w.Plan.InPlace {
		return nil
	}
	w.Progress.Stage = temporal.ReindexSwitching
	return stage(ctx, time.Minute, a.SwitchIndex, &w.Plan, nil)
}

// retire removes the old generation, once no search uses it and nothing of it
// is missing in the new one.
//
// In place there is one only if an earlier reindex was ended by force after its
// switch: every upload would be stored in it too, for ever.
func (w *reindex) retire(ctx workflow.Context) error {
	if !w.Plan.InPlace {
		if !w.switched() {
			w.Progress.Stage = temporal.ReindexLingering
			if err := workflow.Sleep(ctx, cmp.Or(w.Grace, temporal.ReindexGrace)); err != nil {
				return err
			}
			w.Progress.Stage = temporal.ReindexChecking
		}
		if err := w.fill(ctx); err != nil {
			return err
		}
	}
	w.Progress.Stage = temporal.ReindexRemoving
	var a *activities.Reindex
	return stage(ctx, time.Minute, a.RemovePrevious, &w.Plan, nil)
}

// abandon removes what was built, unless searches go to it already: then late
// is true. Without a plan nothing can have been built, let alone switched to:
// the index may well have the model, and have had it before.
func (w *reindex) abandon(ctx workflow.Context) (late bool) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var a *activities.Reindex
	var result temporal.AbandonResult
	in := &temporal.ReindexInput{Model: w.Model, Dimensions: w.Dimensions}
	if err := stage(ctx, time.Minute, a.AbandonReindex, in, &result); err != nil {
		workflow.GetLogger(ctx).Error("half-built index not removed", "error", err)
		return false
	}
	planned := w.Plan.To.Collection != ""
	return result.Switched && planned && !w.Plan.InPlace
}

// next is the input of a run that goes on from here.
func (w *reindex) next() *temporal.ReindexInput {
	in, state := *w.ReindexInput, w.ReindexState
	in.State = &state
	return &in
}
