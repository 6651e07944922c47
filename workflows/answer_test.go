package workflows

import (
	"context"
	"errors"
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

var question = &temporal.ChatInput{
	ClientID: "c0000000-0000-4000-8000-000000000000", SessionID: "s1", MessageID: "m1",
	Text: "What does it cost?", Tier: chatconnect.TierFree,
}

func answerEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.SetWorkflowRunTimeout(30 * 24 * time.Hour) // the environment caps what activities may take by it
	env.RegisterActivity(&activities.Chat{})
	return env
}

func chatResult(t *testing.T, env *testsuite.TestWorkflowEnvironment) temporal.ChatResult {
	t.Helper()
	require.True(t, env.IsWorkflowCompleted())
	require.NoError(t, env.GetWorkflowError())
	var result temporal.ChatResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result
}

var (
	found   = &temporal.RetrieveResult{Passages: []chatconnect.Passage{{DocumentID: "d", Content: "It costs 5."}}}
	written = &temporal.GenerateResult{
		Status: chatconnect.ChatAnswered, Model: "gpt-4o-mini",
		Answer: chatconnect.Answer{MessageID: "m1", SessionID: "s1", Text: "It costs 5. [1]"},
		Logged: true,
	}
)

func TestAnswerRetrievesAndGenerates(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	env.OnActivity(a.Generate, mock.Anything, &temporal.GenerateInput{ChatInput: *question, RetrieveResult: *found}).Return(written, nil).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	got := chatResult(t, env)
	require.Equal(t, "It costs 5. [1]", got.Answer.Text)
	require.Equal(t, chatconnect.ChatAnswered, got.Status)
	require.Empty(t, got.ErrorCode)
}

func TestAnswerTellsAndLogsAFinalFailure(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	refused := chatconnect.Errorf(chatconnect.KindInvalid, "model_credentials_invalid", "The model can't be used at the moment.")
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(nil, temporal.EncodeError(refused)).Once()
	env.OnActivity(a.Log, mock.Anything, mock.MatchedBy(func(in *temporal.LogInput) bool {
		return in.ErrorCode == refused.Code && in.ErrorMessage == refused.Message && in.Status == chatconnect.ChatFailed
	})).Return(logged).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	got := chatResult(t, env)
	require.Equal(t, refused.Code, got.ErrorCode)
	require.Equal(t, chatconnect.ChatFailed, got.Status)
}

// What rewriting the question took is paid for, whether or not the answer came
// about.
func TestAnAnswerThatFailsCountsItsRewriting(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	rewritten := *found
	rewritten.Rewritten = chatconnect.Rewritten{Text: "What does the Trail X cost?", Usage: chatconnect.Usage{InputTokens: 90, OutputTokens: 10}, Cost: 7}
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(&rewritten, nil).Once()
	refused := chatconnect.Errorf(chatconnect.KindInvalid, "model_refused", "No.")
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(nil, temporal.EncodeError(refused)).Once()
	env.OnActivity(a.Log, mock.Anything, mock.MatchedBy(func(in *temporal.LogInput) bool {
		return in.Answer.Usage == rewritten.Rewritten.Usage && in.Cost == 7
	})).Return(logged).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	require.Equal(t, chatconnect.ChatFailed, chatResult(t, env).Status)
}

func TestAnswerOutlastsAHiccupOfTheModel(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	away := chatconnect.Errorf(chatconnect.KindUnavailable, "model_unavailable", "The model is away.")
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(nil, temporal.EncodeError(away)).Times(3)
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(written, nil).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	require.Equal(t, chatconnect.ChatAnswered, chatResult(t, env).Status)
}

func TestAnswerIsLoggedWhenTheDatabaseIsAwayForLong(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	unlogged := *written
	unlogged.Logged = false
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(&unlogged, nil).Once()
	back := env.Now().Add(2 * time.Minute) // longer than the local activity tries
	away := chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "The database is away.")
	times := 0
	env.OnActivity(a.Log, mock.Anything, mock.Anything).Return(func(ctx context.Context, in *temporal.LogInput) (*temporal.GenerateResult, error) {
		require.True(t, in.Told)
		if env.Now().Before(back) {
			return nil, temporal.EncodeError(away)
		}
		times++
		return logged(ctx, in)
	})

	env.ExecuteWorkflow(AnswerMessage, question)
	require.Equal(t, chatconnect.ChatAnswered, chatResult(t, env).Status)
	require.Equal(t, 1, times)
}

// logged is what Log returns when all goes well.
func logged(_ context.Context, in *temporal.LogInput) (*temporal.GenerateResult, error) {
	result := in.GenerateResult
	result.Logged = true
	return &result, nil
}

// The environment ends a cancelled activity at once, whatever it does; that
// Generate's own partial text counts is shown end to end.
func TestAStoppedAnswerIsInterruptedAndEndsWell(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	interrupted := make(chan struct{})
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(func(context.Context, *temporal.GenerateInput) (*temporal.GenerateResult, error) {
		env.CancelWorkflow()
		<-interrupted
		return written, nil
	}).Once()
	env.OnActivity(a.Interrupt, mock.Anything, question).Return(func(context.Context, *temporal.ChatInput) (*struct{}, error) {
		close(interrupted)
		return nil, errors.New("signals are best effort")
	}).Once()
	env.OnActivity(a.Log, mock.Anything, mock.Anything).Return(logged).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	got := chatResult(t, env)
	require.Equal(t, chatconnect.ChatStopped, got.Status)
	require.Empty(t, got.ErrorCode)
}

// Between two attempts nobody writes: the workflow ends the answer.
func TestAnAnswerStoppedBetweenAttemptsIsEndedAndLogged(t *testing.T) {
	t.Parallel()
	env := answerEnvironment(t)
	var a *activities.Chat
	env.OnActivity(a.Retrieve, mock.Anything, question).Return(found, nil).Once()
	env.OnActivity(a.Generate, mock.Anything, mock.Anything).Return(nil, sdktemporal.NewCanceledError()).Once()
	env.OnActivity(a.Log, mock.Anything, mock.Anything).Return(func(ctx context.Context, in *temporal.LogInput) (*temporal.GenerateResult, error) {
		require.False(t, in.Told)
		require.Equal(t, chatconnect.ChatStopped, in.Status)
		result, err := logged(ctx, in)
		result.Answer.Text = "It"
		return result, err
	}).Once()

	env.ExecuteWorkflow(AnswerMessage, question)
	got := chatResult(t, env)
	require.Equal(t, chatconnect.ChatStopped, got.Status)
	require.Equal(t, "It", got.Answer.Text)
}

// A writer that dies after the stop ends as a time-out, which no visitor who
// stopped an answer should read of. The environment ends a cancelled activity
// at once, so this asks for the record alone.
func TestAnAnswerWhoseWriterDiesAfterTheStopIsStopped(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{true, false} {
		env := answerEnvironment(t)
		env.ExecuteWorkflow(func(ctx workflow.Context) (*temporal.LogInput, error) {
			ctx, cancel := workflow.WithCancel(ctx)
			if stopped {
				cancel()
			}
			w := &answer{ChatInput: question}
			return w.ended(ctx, sdktemporal.NewHeartbeatTimeoutError()), nil
		})
		var record temporal.LogInput
		require.NoError(t, env.GetWorkflowResult(&record))
		if stopped {
			require.Equal(t, chatconnect.ChatStopped, record.Status)
			require.Empty(t, record.ErrorCode)
		} else {
			require.Equal(t, chatconnect.ChatFailed, record.Status)
			require.Equal(t, "timeout", record.ErrorCode)
		}
	}
}
