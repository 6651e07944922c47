package workflows

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

var (
	oldIndex = chatconnect.Generation{Collection: "c_old_8", Model: "old", Dimensions: 8}
	newIndex = chatconnect.Generation{Collection: "c_new_4__1", Model: "new", Dimensions: 4}
	change   = &temporal.ReindexInput{Model: "new", Dimensions: 4}
	plan     = &temporal.ReindexPlan{From: oldIndex, To: newIndex, Documents: 3, Chunks: 200}
)

func reindexEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.SetWorkflowRunTimeout(30 * 24 * time.Hour)
	env.RegisterActivity(&activities.Reindex{})
	return env
}

func active(client string, document, chunks int) chatconnect.ActiveRevision {
	return chatconnect.ActiveRevision{
		ClientID: chatconnect.ClientID(client), Chunks: chunks,
		Revision: chatconnect.Revision{DocumentID: chatconnect.DocumentID(fmt.Sprint("d", document)), Version: 1},
	}
}

func progressOf(t *testing.T, env *testsuite.TestWorkflowEnvironment) temporal.ReindexProgress {
	t.Helper()
	value, err := env.QueryWorkflow(temporal.QueryProgress)
	require.NoError(t, err)
	var progress temporal.ReindexProgress
	require.NoError(t, value.Get(&progress))
	return progress
}

// TestReindexFillsSwitchesAndRemoves has a page of documents of which one is
// complete, and a document that appears between the passes.
func TestReindexFillsSwitchesAndRemoves(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	var mu sync.Mutex
	var order []string
	note := func(what string) func(mock.Arguments) {
		return func(mock.Arguments) { mu.Lock(); defer mu.Unlock(); order = append(order, what) }
	}
	began, known, switched := env.Now(), time.Time{}, time.Time{}
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(plan, nil).Run(note("prepare")).Once()
	first := temporal.ReindexPageInput{Generation: newIndex}
	second := temporal.ReindexPageInput{Generation: newIndex, After: temporal.ReindexCursor{ClientID: "x", DocumentID: "d2"}}
	env.OnActivity(a.ListReindex, mock.Anything, &first).Return(&temporal.ReindexPage{
		Documents: 1, Chunks: 50, Last: second.After,
		Incomplete: []chatconnect.ActiveRevision{active("x", 1, 100), active("x", 2, 1)},
	}, nil).Run(func(mock.Arguments) { known = env.Now() }).Once()
	env.OnActivity(a.ListReindex, mock.Anything, &second).Return(&temporal.ReindexPage{
		End: true, Incomplete: []chatconnect.ActiveRevision{active("y", 3, 49)},
	}, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, &first).Return(&temporal.ReindexPage{
		End: true, Documents: 4, Chunks: 200, Incomplete: []chatconnect.ActiveRevision{active("y", 4, 7)},
	}, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, &first).Return(&temporal.ReindexPage{End: true, Documents: 5, Chunks: 207}, nil).Run(note("nothing lacking")).Twice()
	stored := map[string]int{}
	env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in *temporal.ReindexBatchInput) (*temporal.ReindexBatchResult, error) {
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, newIndex, in.Generation)
			n := 0
			for _, piece := range in.Pieces {
				stored[fmt.Sprint(in.ClientID, piece.DocumentID)] += piece.To - piece.From
				n += piece.To - piece.From
			}
			require.LessOrEqual(t, n, minBatchSize)
			return &temporal.ReindexBatchResult{Embedded: n, Tokens: 10 * n}, nil
		})
	env.OnActivity(a.SwitchIndex, mock.Anything, plan).Return(nothing, nil).Run(func(mock.Arguments) {
		note("switch")(nil)
		switched = env.Now()
		p := progressOf(t, env)
		require.Equal(t, temporal.ReindexSwitching, p.Stage)
		require.Equal(t, []int{4, 4, 200, 200}, []int{p.DocumentsDone, p.DocumentsTotal, p.ChunksDone, p.ChunksTotal})
	}).Once()
	env.OnActivity(a.RemovePrevious, mock.Anything, plan).Return(nothing, nil).Run(func(mock.Arguments) {
		note("remove")(nil)
		require.GreaterOrEqual(t, env.Now().Sub(switched), temporal.ReindexGrace)
	}).Once()

	env.ExecuteWorkflow(ReindexAll, change)
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"prepare", "nothing lacking", "switch", "nothing lacking", "remove"}, order)
	require.GreaterOrEqual(t, known.Sub(began), temporal.ReindexSettles)
	require.Equal(t, map[string]int{"xd1": 100, "xd2": 1, "yd3": 49, "yd4": 7}, stored)
	var result temporal.ReindexResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, temporal.ReindexResult{ReindexPlan: *plan, Embedded: 157, Tokens: 1570, Passes: 4}, result)
	require.Equal(t, temporal.ReindexDone, progressOf(t, env).Stage)
}

func TestReindexMendsTheIndexInPlace(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	began := env.Now()
	inPlace := &temporal.ReindexPlan{From: newIndex, To: newIndex, InPlace: true, Documents: 2, Chunks: 20}
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(inPlace, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{
		End: true, Documents: 1, Chunks: 10, Incomplete: []chatconnect.ActiveRevision{active("x", 1, 10)},
	}, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{End: true, Documents: 2, Chunks: 20}, nil).Once()
	env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(&temporal.ReindexBatchResult{Embedded: 4}, nil).Once()
	env.OnActivity(a.RemovePrevious, mock.Anything, inPlace).Return(nothing, nil).Once() // one that a terminated reindex left
	env.ExecuteWorkflow(ReindexAll, change)
	require.NoError(t, env.GetWorkflowError())
	var result temporal.ReindexResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, 4, result.Embedded)
	require.Less(t, env.Now().Sub(began), temporal.ReindexSettles, "nobody has to learn of anything")
}

func TestReindexWaitsOutAnOutage(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	back := env.Now().Add(5 * time.Hour) // fewer than ten attempts, after which the test environment gives up
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(&temporal.ReindexPlan{From: newIndex, To: newIndex, InPlace: true}, nil).Once()
	env.OnActivity(a.RemovePrevious, mock.Anything, mock.Anything).Return(nothing, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{
		End: true, Incomplete: []chatconnect.ActiveRevision{active("x", 1, 64*20)},
	}, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{End: true}, nil).Once()
	away := &chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "model_unavailable", Message: "The provider is away.", RetryAfter: time.Hour}
	env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(func(context.Context, *temporal.ReindexBatchInput) (*temporal.ReindexBatchResult, error) {
		if env.Now().Before(back) {
			return nil, temporal.EncodeError(away)
		}
		return &temporal.ReindexBatchResult{Embedded: 64}, nil
	})
	env.ExecuteWorkflow(ReindexAll, change)
	require.NoError(t, env.GetWorkflowError())
	var result temporal.ReindexResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, 64*20, result.Embedded)
}

// TestReindexThatEndsEarlyRemovesWhatItBuilt is cancelled, or fails for good,
// before the switch.
func TestReindexThatEndsEarlyRemovesWhatItBuilt(t *testing.T) {
	t.Parallel()
	wrong := chatconnect.Errorf(chatconnect.KindInternal, "embedding_dimensions_mismatch", "The vectors are not as long as set up.")
	for name, test := range map[string]struct {
		cancelAt time.Duration
		fails    error
		check    func(error) bool
	}{
		"cancelled while settling":  {cancelAt: 10 * time.Second, check: func(err error) bool { return err != nil }},
		"cancelled while embedding": {cancelAt: temporal.ReindexSettles + time.Minute, fails: temporal.EncodeError(chatconnect.ErrNoEmbedder), check: func(err error) bool { return err != nil }},
		"the model can't work":      {fails: temporal.EncodeError(wrong), check: func(err error) bool { return errors.Is(temporal.DecodeError(err), wrong) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := reindexEnvironment(t)
			var a *activities.Reindex
			env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(plan, nil).Once()
			if test.fails != nil {
				env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{
					End: true, Incomplete: []chatconnect.ActiveRevision{active("x", 1, 1000)},
				}, nil).Once()
				env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(nil, test.fails)
			}
			if test.cancelAt > 0 {
				env.RegisterDelayedCallback(env.CancelWorkflow, test.cancelAt)
			}
			env.OnActivity(a.AbandonReindex, mock.Anything, change).Return(&temporal.AbandonResult{}, nil).Once()
			env.ExecuteWorkflow(ReindexAll, change)
			require.True(t, env.IsWorkflowCompleted())
			require.True(t, test.check(env.GetWorkflowError()), "%v", env.GetWorkflowError())
		})
	}
}

// TestReindexCancelledBeforeItHasAPlan is one of the model that the index has,
// while the vector store is away: that searches go to that model is no sign of
// a switch.
func TestReindexCancelledBeforeItHasAPlan(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	away := temporal.EncodeError(chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away."))
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(nil, away)
	env.RegisterDelayedCallback(env.CancelWorkflow, 10*time.Second)
	env.OnActivity(a.AbandonReindex, mock.Anything, change).Return(&temporal.AbandonResult{Switched: true}, nil).Once()
	env.ExecuteWorkflow(ReindexAll, change)
	require.True(t, env.IsWorkflowCompleted())
	require.True(t, sdktemporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
}

// TestReindexCancelledWhenItsHistoryIsLong must not go on in another run, which
// would know nothing of it. Both can come in one workflow task, with which the
// test environment does not begin; so it is the step in between that is run.
func TestReindexCancelledWhenItsHistoryIsLong(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		env := reindexEnvironment(t)
		env.SetContinueAsNewSuggested(true)
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			ctx, cancel := workflow.WithCancel(ctx)
			if cancelled {
				cancel()
			}
			w := &reindex{ReindexInput: change}
			return w.goOn(ctx)
		})
		require.Equal(t, cancelled, sdktemporal.IsCanceledError(env.GetWorkflowError()))
		require.Equal(t, !cancelled, workflow.IsContinueAsNewError(env.GetWorkflowError()))
	}
}

// TestReindexOfOnePageContinuesBetweenPasses has so few documents that a pass
// has no second page, and always one more that comes.
func TestReindexOfOnePageContinuesBetweenPasses(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(plan, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{
		End: true, Incomplete: []chatconnect.ActiveRevision{active("x", 1, 1)},
	}, nil).Run(func(mock.Arguments) { env.SetContinueAsNewSuggested(true) }).Once()
	env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(&temporal.ReindexBatchResult{Embedded: 1}, nil).Once()
	env.ExecuteWorkflow(ReindexAll, change)
	require.True(t, workflow.IsContinueAsNewError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
}

func TestReindexCancelledAfterTheSwitchGoesToItsEnd(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(plan, nil).Once()
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{End: true}, nil).Twice()
	env.OnActivity(a.SwitchIndex, mock.Anything, plan).Return(nothing, nil).Once()
	env.RegisterDelayedCallback(env.CancelWorkflow, temporal.ReindexSettles+5*time.Second)
	env.OnActivity(a.RemovePrevious, mock.Anything, plan).Return(nothing, nil).Once()
	env.ExecuteWorkflow(ReindexAll, change)
	require.NoError(t, env.GetWorkflowError())
}

// TestReindexGoesOnInAnotherRun begins one from the state that another left,
// before and after the switch.
func TestReindexGoesOnInAnotherRun(t *testing.T) {
	t.Parallel()
	after := temporal.ReindexCursor{ClientID: "x", DocumentID: "d9"}
	for stage, list := range map[temporal.ReindexStage]int{temporal.ReindexEmbedding: 3, temporal.ReindexChecking: 2} {
		env := reindexEnvironment(t)
		var a *activities.Reindex
		env.OnActivity(a.ListReindex, mock.Anything, &temporal.ReindexPageInput{Generation: newIndex, After: after}).
			Return(&temporal.ReindexPage{End: true, Documents: 1, Chunks: 5}, nil).Once()
		env.OnActivity(a.ListReindex, mock.Anything, &temporal.ReindexPageInput{Generation: newIndex}).
			Return(&temporal.ReindexPage{End: true}, nil).Times(list - 1)
		if stage == temporal.ReindexEmbedding {
			env.OnActivity(a.SwitchIndex, mock.Anything, plan).Return(nothing, nil).Once()
		}
		env.OnActivity(a.RemovePrevious, mock.Anything, plan).Return(nothing, nil).Once()
		in := *change
		in.State = &temporal.ReindexState{
			Plan: *plan, After: after, Changed: true,
			Progress: temporal.ReindexProgress{Stage: stage, Pass: 1, DocumentsDone: 9, Embedded: 70},
		}
		env.ExecuteWorkflow(ReindexAll, &in)
		require.NoError(t, env.GetWorkflowError())
		var result temporal.ReindexResult
		require.NoError(t, env.GetWorkflowResult(&result))
		require.Equal(t, 70, result.Embedded)
		require.Equal(t, 10, progressOf(t, env).DocumentsDone)
	}
}

// TestReindexLeavesItsStateToTheNextRun has a history that has grown long.
func TestReindexLeavesItsStateToTheNextRun(t *testing.T) {
	t.Parallel()
	env := reindexEnvironment(t)
	var a *activities.Reindex
	env.OnActivity(a.PrepareReindex, mock.Anything, change).Return(plan, nil).Once()
	last := temporal.ReindexCursor{ClientID: "x", DocumentID: "d1"}
	env.OnActivity(a.ListReindex, mock.Anything, mock.Anything).Return(&temporal.ReindexPage{
		Last: last, Incomplete: []chatconnect.ActiveRevision{active("x", 1, 64)},
	}, nil).Run(func(mock.Arguments) { env.SetContinueAsNewSuggested(true) }).Once()
	env.OnActivity(a.ReindexBatch, mock.Anything, mock.Anything).Return(&temporal.ReindexBatchResult{Embedded: 64}, nil).Once()
	env.ExecuteWorkflow(ReindexAll, change)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	require.Equal(t, temporal.WorkflowReindexAll, next.WorkflowType.Name)
	p := progressOf(t, env)
	require.Equal(t, temporal.ReindexEmbedding, p.Stage)
	require.Equal(t, 64, p.ChunksDone)
}

func TestReindexBatchesHoldEveryChunkOnce(t *testing.T) {
	t.Parallel()
	revisions := []chatconnect.ActiveRevision{active("x", 1, 1), active("x", 2, 62), active("x", 3, 2), active("x", 4, 200), active("y", 5, 1), active("z", 6, 64)}
	seen := map[string]bool{}
	for _, batch := range reindexBatches(newIndex, revisions) {
		n := 0
		for _, piece := range batch.Pieces {
			require.Less(t, piece.From, piece.To)
			for i := piece.From; i < piece.To; i++ {
				key := fmt.Sprint(batch.ClientID, piece.DocumentID, i)
				require.False(t, seen[key], key)
				seen[key] = true
				n++
			}
		}
		require.LessOrEqual(t, n, minBatchSize)
	}
	require.Len(t, seen, 330)
	require.Len(t, reindexBatches(newIndex, revisions), 5+1+1)
	require.Empty(t, reindexBatches(newIndex, nil))
}
