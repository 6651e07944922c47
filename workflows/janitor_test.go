package workflows

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

func janitorEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.RegisterActivity(&activities.Ingestion{})
	env.RegisterActivity(&activities.Janitor{})
	return env
}

func janitorResult(t *testing.T, env *testsuite.TestWorkflowEnvironment) temporal.JanitorResult {
	t.Helper()
	require.NoError(t, env.GetWorkflowError())
	var result temporal.JanitorResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
}

// Every phase is gone through part by part, and findings add up.
func TestJanitorGoesThroughEveryPart(t *testing.T) {
	t.Parallel()
	env := janitorEnvironment(t)
	var a *activities.Janitor
	part := func(cursor string) *temporal.JanitorPart { return &temporal.JanitorPart{DryRun: true, Cursor: cursor} }
	orphan := temporal.Finding{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionNone, Count: 2}
	env.OnActivity(a.SweepBlobs, mock.Anything, part("")).Return(&temporal.JanitorPartResult{Examined: 5, Findings: []temporal.Finding{orphan}, Next: "b"}, nil).Once()
	env.OnActivity(a.SweepBlobs, mock.Anything, part("b")).Return(&temporal.JanitorPartResult{Examined: 4, Findings: []temporal.Finding{orphan}}, nil).Once()
	env.OnActivity(a.SweepPoints, mock.Anything, part("")).Return(&temporal.JanitorPartResult{Examined: 30, Next: "p"}, nil).Once()
	env.OnActivity(a.SweepPoints, mock.Anything, part("p")).Return(&temporal.JanitorPartResult{Examined: 3}, nil).Once()
	env.OnActivity(a.FindShort, mock.Anything, part("")).Return(&temporal.JanitorPartResult{Examined: 7}, nil).Once()
	env.OnActivity(a.FindStuck, mock.Anything, part("")).Return(&temporal.JanitorPartResult{
		Examined: 1, Findings: []temporal.Finding{{Kind: temporal.FindingStuckDocument, Action: temporal.ActionReported, Count: 1}},
	}, nil).Once()

	env.ExecuteWorkflow(Janitor, &temporal.JanitorInput{DryRun: true})
	require.Equal(t, temporal.JanitorResult{
		DryRun: true, Blobs: 9, Points: 33, Revisions: 7, Documents: 1,
		Findings: []temporal.Finding{
			{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionNone, Count: 4},
			{Kind: temporal.FindingStuckDocument, Action: temporal.ActionReported, Count: 1},
		},
	}, janitorResult(t, env))
}

// What lost points is embedded again, whole, and counted; one that can't be
// does not keep the others from it.
func TestJanitorFillsShortRevisions(t *testing.T) {
	t.Parallel()
	env := janitorEnvironment(t)
	var a *activities.Janitor
	var i *activities.Ingestion
	first, second := *input, *input
	second.DocumentID = "e0000000-0000-4000-8000-000000000000"
	short := []temporal.ShortRevision{{IngestInput: first, Chunks: 65, Points: 3}, {IngestInput: second, Chunks: 1}}
	env.OnActivity(a.SweepBlobs, mock.Anything, mock.Anything).Return(&temporal.JanitorPartResult{}, nil)
	env.OnActivity(a.SweepPoints, mock.Anything, mock.Anything).Return(&temporal.JanitorPartResult{}, nil)
	env.OnActivity(a.FindStuck, mock.Anything, mock.Anything).Return(&temporal.JanitorPartResult{}, nil)
	env.OnActivity(a.FindShort, mock.Anything, mock.Anything).Return(&temporal.JanitorPartResult{Examined: 2, Short: short}, nil)
	superseded := temporal.EncodeError(chatconnect.Errorf(chatconnect.KindConflict, temporal.CodeSuperseded, "No."))
	var mu sync.Mutex // the environment ends a cancelled batch at once, though its activity still runs
	batches := map[chatconnect.DocumentID]int{}
	env.OnActivity(i.EmbedBatch, mock.Anything, mock.Anything).Return(func(_ context.Context, in *temporal.EmbedBatchInput) (*struct{}, error) {
		if in.DocumentID == first.DocumentID && in.Batch == 1 {
			return nil, superseded
		}
		mu.Lock()
		defer mu.Unlock()
		batches[in.DocumentID] += in.To - in.From
		return nothing, nil
	})
	for n, action := range []string{temporal.ActionReported, temporal.ActionRepaired} {
		env.OnActivity(a.CheckRepaired, mock.Anything, &short[n]).Return(&temporal.JanitorPartResult{
			Findings: []temporal.Finding{{Kind: temporal.FindingMissingPoints, Action: action, Count: 1}},
		}, nil).Once()
	}
	env.ExecuteWorkflow(Janitor, &temporal.JanitorInput{})
	result := janitorResult(t, env)
	require.Equal(t, 1, result.Count(temporal.FindingMissingPoints, temporal.ActionRepaired))
	require.Equal(t, 1, result.Count(temporal.FindingMissingPoints, temporal.ActionReported))
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 1, batches[second.DocumentID])
}

// A round too long for one history goes on where it was.
func TestJanitorContinues(t *testing.T) {
	t.Parallel()
	env := janitorEnvironment(t)
	var a *activities.Janitor
	env.OnActivity(a.SweepBlobs, mock.Anything, mock.Anything).Return(func(context.Context, *temporal.JanitorPart) (*temporal.JanitorPartResult, error) {
		env.SetContinueAsNewSuggested(true)
		return &temporal.JanitorPartResult{Examined: 5000, Next: "next"}, nil
	}).Once()
	env.ExecuteWorkflow(Janitor, &temporal.JanitorInput{})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
	require.Equal(t, temporal.WorkflowJanitor, again.WorkflowType.Name)
	var next temporal.JanitorInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	require.Equal(t, temporal.JanitorInput{Phase: temporal.JanitorBlobs, Cursor: "next", Result: temporal.JanitorResult{Blobs: 5000}}, next)
}

// What belongs to unknown documents is gone through again, once all of it has
// been seen, and counts as examined once.
func TestJanitorLooksTwiceAtWhatIsUnknown(t *testing.T) {
	t.Parallel()
	env := janitorEnvironment(t)
	var a *activities.Janitor
	second := temporal.JanitorSecond{Again: true, Hold: true, Expected: 7}
	orphan := temporal.Finding{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionHeld, Count: 2}
	env.OnActivity(a.SweepBlobs, mock.Anything, &temporal.JanitorPart{}).
		Return(&temporal.JanitorPartResult{Examined: 5, Seen: temporal.JanitorSeen{Known: 1, Unknown: 3}, Next: "b"}, nil).Once()
	env.OnActivity(a.SweepBlobs, mock.Anything, &temporal.JanitorPart{Cursor: "b"}).
		Return(&temporal.JanitorPartResult{Examined: 4, Seen: temporal.JanitorSeen{Known: 2, Unknown: 4}}, nil).Once()
	env.OnActivity(a.JudgeUnknown, mock.Anything, &temporal.JanitorSeen{Known: 3, Unknown: 7}).Return(&second, nil).Once()
	for from, to := range map[string]string{"": "b", "b": ""} {
		env.OnActivity(a.SweepBlobs, mock.Anything, &temporal.JanitorPart{Cursor: from, JanitorSecond: second}).Return(&temporal.JanitorPartResult{
			Examined: 5, Seen: temporal.JanitorSeen{Unknown: 4}, Findings: []temporal.Finding{orphan}, Next: to,
		}, nil).Once()
	}
	env.OnActivity(a.SweepPoints, mock.Anything, &temporal.JanitorPart{}).Return(&temporal.JanitorPartResult{Seen: temporal.JanitorSeen{Known: 5}}, nil).Once()
	env.OnActivity(a.FindShort, mock.Anything, &temporal.JanitorPart{}).Return(&temporal.JanitorPartResult{}, nil).Once()
	env.OnActivity(a.FindStuck, mock.Anything, &temporal.JanitorPart{}).Return(&temporal.JanitorPartResult{}, nil).Once()
	env.ExecuteWorkflow(Janitor, &temporal.JanitorInput{})
	require.Equal(t, temporal.JanitorResult{
		Blobs: 9, Findings: []temporal.Finding{{Kind: temporal.FindingOrphanBlob, Action: temporal.ActionHeld, Count: 4}},
	}, janitorResult(t, env))
}
