package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/temporal"
)

// replaceEnvironment has a replacement up to its activation.
func replaceEnvironment(t *testing.T) (*testsuite.TestWorkflowEnvironment, *temporal.IngestInput) {
	env, in := embeddedEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).
		Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: 3}, nil).Once()
	return env, in
}

// embeddedEnvironment has a replacement up to, and without, its activation.
func embeddedEnvironment(t *testing.T) (*testsuite.TestWorkflowEnvironment, *temporal.IngestInput) {
	env := ingestEnvironment(t)
	in := *input
	in.Version, in.Replaces = 3, 1
	var a *activities.Ingestion
	env.OnActivity(a.ParseDocument, mock.Anything, mock.Anything).Return(&temporal.ParseResult{Blocks: 1}, nil).Once()
	env.OnActivity(a.ChunkDocument, mock.Anything, mock.Anything).Return(&temporal.ChunkResult{Chunks: 3}, nil).Once()
	env.OnActivity(a.EmbedBatch, mock.Anything, mock.Anything).Return(nothing, nil).Once()
	return env, &in
}

func TestReplacedVersionGoesAfterTheGrace(t *testing.T) {
	t.Parallel()
	env, in := replaceEnvironment(t)
	var a *activities.Ingestion
	began := env.Now()
	env.OnActivity(a.RemoveReplaced, mock.Anything, in).Return(nothing, nil).Run(func(mock.Arguments) {
		require.GreaterOrEqual(t, env.Now().Sub(began), replacedGrace)
	}).Once()
	env.ExecuteWorkflow(IngestDocument, in)
	require.Equal(t, chatconnect.StatusReady, result(t, env).Status)
}

func TestReplacedVersionGoesAtOnceWhenTheDocumentDoes(t *testing.T) {
	t.Parallel()
	env, in := replaceEnvironment(t)
	var a *activities.Ingestion
	began := env.Now()
	env.RegisterDelayedCallback(env.CancelWorkflow, 10*time.Second)
	env.OnActivity(a.RemoveReplaced, mock.Anything, in).Return(nothing, nil).Run(func(mock.Arguments) {
		require.Less(t, env.Now().Sub(began), replacedGrace)
	}).Once()
	env.ExecuteWorkflow(IngestDocument, in)
	require.Equal(t, chatconnect.StatusReady, result(t, env).Status, "it is not called cancelled")
}

// TestReplacedVersionGoesAlsoIfTheCancellationWasLate: the activation has been
// committed when its activity hears of the cancellation.
func TestReplacedVersionGoesAlsoIfTheCancellationWasLate(t *testing.T) {
	t.Parallel()
	env, in := embeddedEnvironment(t)
	var a *activities.Ingestion
	env.OnActivity(a.ActivateDocument, mock.Anything, mock.Anything).Return(nil, sdktemporal.NewCanceledError()).
		Run(func(mock.Arguments) { env.CancelWorkflow() }).Once()
	var flipped time.Time
	env.OnActivity(a.FailDocument, mock.Anything, mock.Anything).
		Return(&temporal.IngestResult{Status: chatconnect.StatusReady, Chunks: 3}, nil).
		Run(func(mock.Arguments) { flipped = env.Now() }).Once()
	env.OnActivity(a.RemoveReplaced, mock.Anything, in).Return(nothing, nil).Run(func(mock.Arguments) {
		require.GreaterOrEqual(t, env.Now().Sub(flipped), replacedGrace)
	}).Once()
	env.ExecuteWorkflow(IngestDocument, in)
	require.Equal(t, chatconnect.StatusReady, result(t, env).Status)
}
