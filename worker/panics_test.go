package worker

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

// TestAPanicIsTriedAgainAndThenAnError: no activity panics for ever.
func TestAPanicIsTriedAgainAndThenAnError(t *testing.T) {
	t.Parallel()
	env := workflowtest.New(t, &panics{logger: slog.New(slog.DiscardHandler)})
	attempts := 0
	env.RegisterActivityWithOptions(func(context.Context) error {
		attempts++
		panic("a bug")
	}, activity.RegisterOptions{Name: "panicking"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		options := temporal.StageOptions(time.Minute)
		options.RetryPolicy.MaximumAttempts = 50 // the environment's own would be ten
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), "panicking").Get(ctx, nil)
	})
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &app)
	require.True(t, app.NonRetryable())
	require.Equal(t, chatconnect.CodeInternal, temporal.DecodeError(env.GetWorkflowError()).Code)
	require.NotContains(t, temporal.DecodeError(env.GetWorkflowError()).Message, "a bug")
	require.Equal(t, 10, attempts)
}
