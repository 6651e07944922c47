package workflows

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

var input = &temporal.IngestInput{
	ClientID: "c0000000-0000-4000-8000-000000000000", DocumentID: "d0000000-0000-4000-8000-000000000000",
	Version: 1, Type: chatconnect.TypePDF, Name: "handbook.pdf",
}

func ingestEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.SetWorkflowRunTimeout(30 * 24 * time.Hour) // the environment caps what activities may take by it
	env.RegisterActivity(&activities.Ingestion{})
	return env
}

func result(t *testing.T, env *testsuite.TestWorkflowEnvironment) temporal.IngestResult {
	t.Helper()
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	var result temporal.IngestResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
}

func TestIngestCoversEveryChunkOnce(t *testing.T) {
	t.Parallel()
	for _, chunks := range []int{1, 63, 64, 65, 1000, 64*maxBatches + 1} {
		env := ingestEnvironment(t)
		var a *activities.Ingestion
		env.OnActivity(a.ParseDocument, mock.Anything, input).Return(&temporal.ParseResult{Blocks: 3}, nil).Once()
		env.OnActivity(a.ChunkDocument, mock.Anything, input).Return(&temporal.ChunkResult{Chunks: chunks, Tokens: 7 * chunks}, nil).Once()
		var mu sync.Mutex
		seen := make([]int, chunks)
		batches := map[int]bool{}
		env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(
			func(_ context.Context, in *temporal.EmbedBatchInput) (*struct{}, error) {
				mu.Lock()
				defer mu.Unlock()
				require.False(t, batches[in.Batch], "batch %d twice", in.Batch)
				batches[in.Batch] = true
				for i := in.From; i < in.To; i++ {
					seen[i]++
				}
				return nothing, nil
			})
		env.OnActivity(a.ActivateDocument, mock.Anything, &temporal.ActivateInput{
			IngestInput: *input, Chunks: chunks, Tokens: 7 * chunks,
		}).
			Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: chunks}, nil).Once()

		env.ExecuteWorkflow(IngestDocument, input)
		require.Equal(t, chatconnect.StatusReady, result(t, env).Status)
		for i, times := range seen {
			require.Equal(t, 1, times, "chunk %d of %d", i, chunks)
		}
		require.LessOrEqual(t, len(batches), maxBatches)
	}
}

func TestIngestRecordsWhyAFileCannotBeRead(t *testing.T) {
	t.Parallel()
	env := ingestEnvironment(t)
	var a *activities.Ingestion
	locked := chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodePasswordProtected, "The file is protected by a password.")
	env.OnActivity(a.ParseDocument, mock.Anything, input).Return(nil, temporal.EncodeError(locked)).Once()
	want := chatconnect.DocumentError{Code: locked.Code, Message: locked.Message}
	env.OnActivity(a.FailDocument, mock.Anything, &temporal.FailInput{IngestInput: *input, Status: chatconnect.StatusFailed, Error: want}).
		Return(&temporal.IngestResult{Status: chatconnect.StatusFailed, Error: &want}, nil).Once()

	env.ExecuteWorkflow(IngestDocument, input)
	got := result(t, env)
	require.Equal(t, chatconnect.StatusFailed, got.Status)
	require.Equal(t, &want, got.Error)
}

func TestIngestOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	env := ingestEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ParseDocument, mock.Anything, input).Return(&temporal.ParseResult{Blocks: 1}, nil).Once()
	env.OnActivity(a.ChunkDocument, mock.Anything, input).Return(&temporal.ChunkResult{Chunks: 65}, nil).Once()
	limited := &chatconnect.Error{Kind: chatconnect.KindRateLimited, Code: "model_rate_limited", Message: "Busy.", RetryAfter: 5 * time.Minute}
	const outage = 9 // attempts; the test environment gives up after ten, the server does not
	var mu sync.Mutex
	calls := map[int]int{}
	env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in *temporal.EmbedBatchInput) (*struct{}, error) {
			mu.Lock()
			defer mu.Unlock()
			calls[in.Batch]++
			if in.Batch == 1 && calls[1] <= outage {
				return nil, temporal.EncodeError(limited)
			}
			return nothing, nil
		})
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).
		Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: 65}, nil).Once()

	began := env.Now()
	env.ExecuteWorkflow(IngestDocument, input)
	require.Equal(t, chatconnect.StatusReady, result(t, env).Status)
	require.Equal(t, map[int]int{0: 1, 1: outage + 1}, calls, "only the failed batch is repeated")
	require.GreaterOrEqual(t, env.Now().Sub(began), outage*limited.RetryAfter, "the provider's Retry-After is kept")
}

func TestIngestFillsAnIncompleteIndexAgain(t *testing.T) {
	t.Parallel()
	env := ingestEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ParseDocument, mock.Anything, input).Return(&temporal.ParseResult{Blocks: 1}, nil).Once()
	env.OnActivity(a.ChunkDocument, mock.Anything, input).Return(&temporal.ChunkResult{Chunks: 10}, nil).Once()
	env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(nothing, nil).Times(2)
	missing := temporal.EncodeError(chatconnect.Errorf(chatconnect.KindConflict, temporal.CodePointsMissing, "Lost."))
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).Return(nil, missing).Once()
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).
		Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: 10}, nil).Once()

	env.ExecuteWorkflow(IngestDocument, input)
	require.Equal(t, chatconnect.StatusReady, result(t, env).Status)
}

func TestIngestCancelledCleansUp(t *testing.T) {
	t.Parallel()
	env := ingestEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ParseDocument, mock.Anything, input).Return(&temporal.ParseResult{Blocks: 1}, nil).Once()
	env.OnActivity(a.ChunkDocument, mock.Anything, input).Return(&temporal.ChunkResult{Chunks: 1000}, nil).Once()
	env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(nil, errors.New("provider is away"))
	env.OnActivity(a.FailDocument, mock.Anything, mock.MatchedBy(func(in *temporal.FailInput) bool {
		return in.Status == chatconnect.StatusCancelled && in.Error.Code == "document_cancelled"
	})).Return(&temporal.IngestResult{Status: chatconnect.StatusCancelled}, nil).Once()
	env.RegisterDelayedCallback(env.CancelWorkflow, 30*time.Second)

	env.ExecuteWorkflow(IngestDocument, input)
	require.Equal(t, chatconnect.StatusCancelled, result(t, env).Status)
}

func TestIngestAnswersProgressQuery(t *testing.T) {
	t.Parallel()
	env := ingestEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ParseDocument, mock.Anything, input).Return(&temporal.ParseResult{Blocks: 1}, nil).Once()
	env.OnActivity(a.ChunkDocument, mock.Anything, input).Return(&temporal.ChunkResult{Chunks: 130}, nil).Once()
	env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(nothing, nil)
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).
		Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: 130}, nil).Once()
	env.ExecuteWorkflow(IngestDocument, input)
	value, err := env.QueryWorkflow(temporal.QueryProgress)
	require.NoError(t, err)
	var progress temporal.IngestProgress
	require.NoError(t, value.Get(&progress))
	require.Equal(t, temporal.IngestProgress{Status: chatconnect.StatusReady, ChunksTotal: 130, Batches: 3, BatchesDone: 3}, progress)
}
