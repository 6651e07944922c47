package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

var (
	deletion = &temporal.DeleteInput{ClientID: input.ClientID, DocumentID: input.DocumentID, Version: 3}
	nothing  = &struct{}{}
)

func commandEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.SetWorkflowRunTimeout(30 * 24 * time.Hour)
	env.RegisterActivity(&activities.Commands{})
	return env
}

func TestDeleteEndsTheIngestionFirstAndCountsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	env := commandEnvironment(t)
	var a *activities.Commands
	ingestion := temporal.IngestionWorkflowID(deletion.ClientID, deletion.Revision())
	env.OnRequestCancelExternalWorkflow(mock.Anything, ingestion, "").Return(nil).Once()
	var order []string
	note := func(what string) func(mock.Arguments) { return func(mock.Arguments) { order = append(order, what) } }
	env.OnActivity(a.StopIngestion, mock.Anything, mock.Anything).Return(&temporal.StopResult{Running: 1}, nil).Run(note("runs")).Times(3)
	env.OnActivity(a.StopIngestion, mock.Anything, mock.Anything).Return(&temporal.StopResult{}, nil).Run(note("ended")).Once()
	env.OnActivity(a.RemoveDocument, mock.Anything, deletion).Return(nothing, nil).Run(note("remove")).Twice()
	env.OnActivity(a.CountDocument, mock.Anything, deletion).Return(&temporal.Remains{Points: 64}, nil).Run(note("64 left")).Once()
	env.OnActivity(a.CountDocument, mock.Anything, deletion).Return(&temporal.Remains{}, nil).Run(note("none left")).Once()
	env.OnActivity(a.AnnounceDeleted, mock.Anything, deletion).Return(nothing, nil).Run(note("announce")).Once()

	env.ExecuteWorkflow(DeleteDocument, deletion)
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []string{"runs", "runs", "runs", "ended", "remove", "64 left", "remove", "none left", "announce"}, order)
}

func TestDeleteNeedsNoIngestion(t *testing.T) {
	t.Parallel()
	env := commandEnvironment(t)
	var a *activities.Commands
	env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, "").Return(errors.New("no such workflow")).Once()
	env.OnActivity(a.StopIngestion, mock.Anything, mock.Anything).Return(&temporal.StopResult{}, nil).Once()
	env.OnActivity(a.RemoveDocument, mock.Anything, deletion).Return(nothing, nil).Once()
	env.OnActivity(a.CountDocument, mock.Anything, deletion).Return(&temporal.Remains{}, nil).Once()
	env.OnActivity(a.AnnounceDeleted, mock.Anything, deletion).Return(nothing, nil).Once()
	env.ExecuteWorkflow(DeleteDocument, deletion)
	require.NoError(t, env.GetWorkflowError())
}

func TestDeleteTerminatesWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	env := commandEnvironment(t)
	var a *activities.Commands
	env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, "").Return(nil).Once()
	began := env.Now()
	env.OnActivity(a.StopIngestion, mock.Anything, &temporal.StopInput{DeleteInput: *deletion}).Return(&temporal.StopResult{Running: 1}, nil)
	env.OnActivity(a.StopIngestion, mock.Anything, &temporal.StopInput{DeleteInput: *deletion, Terminate: true}).
		Return(&temporal.StopResult{Running: 1}, nil).Run(func(mock.Arguments) {
		require.Greater(t, env.Now().Sub(began), stopPatience)
	}).Once()
	env.OnActivity(a.StopIngestion, mock.Anything, &temporal.StopInput{DeleteInput: *deletion, Terminate: true}).Return(&temporal.StopResult{}, nil).Once()
	env.OnActivity(a.RemoveDocument, mock.Anything, deletion).Return(nothing, nil).Once()
	env.OnActivity(a.CountDocument, mock.Anything, deletion).Return(&temporal.Remains{}, nil).Once()
	env.OnActivity(a.AnnounceDeleted, mock.Anything, deletion).Return(nothing, nil).Once()
	env.ExecuteWorkflow(DeleteDocument, deletion)
	require.NoError(t, env.GetWorkflowError())
}

func TestPurgeRecordsRemovesAndCountsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	env := commandEnvironment(t)
	var a *activities.Commands
	in := &temporal.PurgeInput{ClientID: input.ClientID}
	before := temporal.Remains{Points: 10, Rows: 20, Blobs: 2, Keys: 5, Workflows: 1}
	env.OnActivity(a.CountClient, mock.Anything, in).Return(&before, nil).Once()
	env.OnActivity(a.RecordPurge, mock.Anything, &temporal.PurgeRecord{PurgeInput: *in, Before: before}).Return(nothing, nil).Once()
	began := env.Now()
	env.OnActivity(a.StopClient, mock.Anything, &temporal.StopInput{DeleteInput: temporal.DeleteInput{ClientID: in.ClientID}}).
		Return(&temporal.StopResult{Running: 1}, nil).Run(func(mock.Arguments) {
		require.GreaterOrEqual(t, env.Now().Sub(began), keysForgotten, "what a cached key let in must be seen")
	}).Once()
	env.OnActivity(a.StopClient, mock.Anything, mock.Anything).Return(&temporal.StopResult{}, nil).Twice()
	env.OnActivity(a.RemoveClient, mock.Anything, in).Return(nothing, nil).Twice()
	env.OnActivity(a.CountClient, mock.Anything, in).Return(&temporal.Remains{Keys: 1}, nil).Once()
	env.OnActivity(a.CountClient, mock.Anything, in).Return(&temporal.Remains{}, nil).Once()
	env.OnActivity(a.FinishPurge, mock.Anything, in).Return(nothing, nil).Once()

	env.ExecuteWorkflow(PurgeClient, in)
	require.NoError(t, env.GetWorkflowError())
	var result temporal.PurgeResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, temporal.PurgeResult{Before: before, Rounds: 2}, result)
}
