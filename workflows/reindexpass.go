package workflows

import (
	"time"

	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// fill makes passes until one finds that nothing is lacking. Between passes, as
// between pages, it may go on in another run.
func (w *reindex) fill(ctx workflow.Context) error {
	pause := time.Second
	for {
		if w.After == (temporal.ReindexCursor{}) {
			w.Progress.Pass++
			w.Changed = false
		}
		if err := w.pass(ctx); err != nil {
			return err
		}
		w.After = temporal.ReindexCursor{}
		if w.Progress.Pass == 1 { // some were deleted meanwhile, others came
			w.Progress.DocumentsTotal, w.Progress.ChunksTotal = w.Progress.DocumentsDone, w.Progress.ChunksDone
		}
		if !w.Changed {
			return nil
		}
		if err := rest(ctx, &pause); err != nil {
			return err
		}
		if err := w.goOn(ctx); err != nil {
			return err
		}
	}
}

// goOn ends this run if its history has grown long, and has another go on from
// here. Not when the reindex is cancelled: the other run would never learn.
func (w *reindex) goOn(ctx workflow.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
		return workflow.NewContinueAsNewError(ctx, temporal.WorkflowReindexAll, w.next())
	}
	return nil
}

// pass goes on from w.After to the end. Between pages it may end this run and
// go on in another with a short history.
func (w *reindex) pass(ctx workflow.Context) error {
	var a *activities.Reindex
	for {
		var page temporal.ReindexPage
		in := &temporal.ReindexPageInput{Generation: w.Plan.To, After: w.After}
		if err := stage(ctx, 5*time.Minute, a.ListReindex, in, &page); err != nil {
			return err
		}
		w.count(page.Documents, page.Chunks)
		if len(page.Incomplete) > 0 {
			w.Changed = true
			if err := w.embed(ctx, page.Incomplete); err != nil {
				return err
			}
		}
		if page.End {
			return nil
		}
		w.After = page.Last
		if err := w.goOn(ctx); err != nil {
			return err
		}
	}
}

// count is of the first pass alone: later ones see the same documents again.
func (w *reindex) count(documents, chunks int) {
	if w.Progress.Pass > 1 {
		return
	}
	p := &w.Progress
	p.DocumentsDone, p.ChunksDone = p.DocumentsDone+documents, p.ChunksDone+chunks
	p.DocumentsTotal, p.ChunksTotal = max(p.DocumentsTotal, p.DocumentsDone), max(p.ChunksTotal, p.ChunksDone)
}

// embed runs the batches of a page, at most reindexAtOnce at a time. The first
// failure that retries can't mend ends it.
func (w *reindex) embed(ctx workflow.Context, incomplete []chatconnect.ActiveRevision) error {
	var a *activities.Reindex
	pieces := map[chatconnect.Revision]int{} // not yet done
	batches := reindexBatches(w.Plan.To, incomplete)
	for _, batch := range batches {
		for _, piece := range batch.Pieces {
			pieces[piece.Revision]++
		}
	}
	return inBatches(ctx, len(batches), reindexAtOnce, func(ctx workflow.Context, n int) error {
		batch := batches[n]
		options := temporal.EmbedOptions(5 * time.Minute)
		options.Priority = sdktemporal.Priority{PriorityKey: temporal.ReindexPriority, FairnessKey: string(batch.ClientID)}
		var result temporal.ReindexBatchResult
		if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), a.ReindexBatch, batch).Get(ctx, &result); err != nil {
			return err
		}
		w.Progress.Embedded += result.Embedded
		w.Progress.Tokens += result.Tokens
		for _, piece := range batch.Pieces {
			documents := 0
			if pieces[piece.Revision]--; pieces[piece.Revision] == 0 {
				documents = 1
			}
			w.count(documents, piece.To-piece.From)
		}
		return nil
	})
}

// reindexBatches cuts revisions into batches of at most minBatchSize chunks of
// one client. Small documents share one, as each batch is a call of the
// provider.
func reindexBatches(generation chatconnect.Generation, revisions []chatconnect.ActiveRevision) []*temporal.ReindexBatchInput {
	var batches []*temporal.ReindexBatchInput
	room := 0 // in the last batch
	for _, r := range revisions {
		for from := 0; from < r.Chunks; {
			if room == 0 || batches[len(batches)-1].ClientID != r.ClientID {
				batches = append(batches, &temporal.ReindexBatchInput{ClientID: r.ClientID, Generation: generation})
				room = minBatchSize
			}
			n := min(room, r.Chunks-from)
			last := batches[len(batches)-1]
			last.Pieces = append(last.Pieces, temporal.ReindexPiece{Revision: r.Revision, From: from, To: from + n})
			from, room = from+n, room-n
		}
	}
	return batches
}
