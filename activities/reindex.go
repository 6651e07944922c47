package activities

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"go.temporal.io/sdk/activity"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// ReindexMetrics counts what a reindex costs.
type ReindexMetrics interface {
	Embedded(spent chatconnect.Completion)
}

// Reindex are the activities of the ReindexAll workflow. Every one of them may
// be repeated.
type Reindex struct {
	Documents chatconnect.DocumentStore
	Revisions chatconnect.RevisionStore
	Embedders chatconnect.Embedders
	Index     chatconnect.VectorIndex
	Builder   chatconnect.IndexBuilder
	Metrics   ReindexMetrics
	Logger    *slog.Logger
}

const (
	reindexPage = 200
	// reindexPageChunks bounds what a page leaves to do, and with it the
	// workflow's history.
	reindexPageChunks = 20_000
)

// PrepareReindex decides what to do, and has all processes write to a new
// collection too if there must be one. A collection that an ended reindex left
// half built is built on.
func (a *Reindex) PrepareReindex(ctx context.Context, in *temporal.ReindexInput) (*temporal.ReindexPlan, error) {
	defer heartbeat(ctx)()
	generations, err := a.Builder.RefreshGenerations(ctx)
	if err != nil {
		return nil, encode(ctx, err)
	}
	plan := &temporal.ReindexPlan{From: generations.Active, To: generations.Active}
	if plan.InPlace = generations.Active.HasModel(in.Model, in.Dimensions); plan.InPlace {
		if generations.Next != nil { // of a reindex that was changed one's mind about
			err = a.Builder.DropNext(ctx, *generations.Next)
		}
	} else {
		plan.To, err = a.Builder.StartNext(ctx, in.Model, in.Dimensions, suffix(ctx))
	}
	if err != nil {
		return nil, encode(ctx, err)
	}
	if plan.Documents, plan.Chunks, err = a.Revisions.ActiveTotals(ctx); err != nil {
		return nil, encode(ctx, err)
	}
	a.Logger.InfoContext(ctx, "reindex begins", "from", plan.From.Model, "to", plan.To.Model,
		"collection", plan.To.Collection, "documents", plan.Documents, "chunks", plan.Chunks)
	return plan, nil
}

// suffix is the same for all attempts of one run, and no other run's.
func suffix(ctx context.Context) string {
	id := strings.ReplaceAll(activity.GetInfo(ctx).WorkflowExecution.RunID, "-", "")
	return id[max(0, len(id)-12):]
}

// ListReindex looks which documents the generation lacks points of.
func (a *Reindex) ListReindex(ctx context.Context, in *temporal.ReindexPageInput) (*temporal.ReindexPage, error) {
	defer heartbeat(ctx)()
	revisions, err := a.Revisions.ActiveRevisions(ctx, in.After.ClientID, in.After.DocumentID, reindexPage)
	if err != nil {
		return nil, encode(ctx, err)
	}
	page := &temporal.ReindexPage{Last: in.After, End: len(revisions) < reindexPage}
	lacking := 0
	for i, r := range revisions {
		points, err := a.Index.CountIn(ctx, r.ClientID, in.Generation, r.Revision)
		if err != nil {
			return nil, encode(ctx, a.unlessLost(ctx, in.Generation, err))
		}
		if points >= r.Chunks {
			page.Documents++
			page.Chunks += r.Chunks
		} else {
			page.Incomplete = append(page.Incomplete, r)
			lacking += r.Chunks
		}
		page.Last = temporal.ReindexCursor{ClientID: r.ClientID, DocumentID: r.DocumentID}
		if lacking >= reindexPageChunks && i < len(revisions)-1 {
			page.End = false
			break
		}
	}
	return page, nil
}

// SwitchIndex has searches go to the generation. What is cached of searches is
// kept under the generation's name, and so is not found any more.
func (a *Reindex) SwitchIndex(ctx context.Context, in *temporal.ReindexPlan) (*struct{}, error) {
	defer heartbeat(ctx)()
	if err := a.Builder.SwitchToNext(ctx, in.To); err != nil {
		return nil, encode(ctx, a.unlessLost(ctx, in.To, err))
	}
	return &struct{}{}, nil
}

// errIndexLost ends a reindex whose collection is no more.
var errIndexLost = chatconnect.Errorf(chatconnect.KindInternal, "reindex_collection_lost",
	"The collection that was being built is gone: the vector store lost it, or somebody removed it. Start the reindex again.")

// unlessLost returns err, or errIndexLost if it says that the generation is
// gone, and it is for good: no waiting brings it back.
func (a *Reindex) unlessLost(ctx context.Context, generation chatconnect.Generation, err error) error {
	if !errors.Is(err, chatconnect.ErrGenerationGone) {
		return err
	}
	now, lookErr := a.Builder.RefreshGenerations(ctx)
	if lookErr != nil {
		return err
	}
	for _, g := range now.All() {
		if g.Collection == generation.Collection {
			return err
		}
	}
	return errIndexLost.Because(err)
}

// RemovePrevious removes the collection that was replaced.
func (a *Reindex) RemovePrevious(ctx context.Context, _ *temporal.ReindexPlan) (*struct{}, error) {
	defer heartbeat(ctx)()
	if err := a.Builder.DropPrevious(ctx); err != nil {
		return nil, encode(ctx, err)
	}
	return &struct{}{}, nil
}

// AbandonReindex removes the collection that was being built, unless searches
// go to it already; also one that was made and not yet made known.
func (a *Reindex) AbandonReindex(ctx context.Context, in *temporal.ReindexInput) (*temporal.AbandonResult, error) {
	defer heartbeat(ctx)()
	generations, err := a.Builder.RefreshGenerations(ctx)
	if err != nil {
		return nil, encode(ctx, err)
	}
	if next := generations.Next; next != nil {
		if err := a.Builder.DropNext(ctx, *next); err != nil {
			return nil, encode(ctx, err)
		}
	}
	if err := a.Builder.DropUnknown(ctx, in.Model, in.Dimensions, suffix(ctx)); err != nil {
		return nil, encode(ctx, err)
	}
	return &temporal.AbandonResult{Switched: generations.Active.HasModel(in.Model, in.Dimensions)}, nil
}
