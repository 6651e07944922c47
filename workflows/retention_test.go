package workflows

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/activities"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

func retentionEnvironment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflowtest.New(t)
	env.RegisterActivity(&activities.Retention{})
	return env
}

func TestExpireChatsGoesThroughAllClients(t *testing.T) {
	t.Parallel()
	env := retentionEnvironment(t)
	var a *activities.Retention
	for _, part := range []struct{ after, next chatconnect.ClientID }{{"", "c1"}, {"c1", "c2"}, {"c2", ""}} {
		env.OnActivity(a.ExpirePart, mock.Anything, mock.MatchedBy(func(in *temporal.ExpirePart) bool {
			return in.After == part.after && in.Now.Equal(env.Now())
		})).Return(&temporal.ExpirePartResult{ExpireChatsResult: temporal.ExpireChatsResult{Clients: 100, Rows: 7, Failed: 1}, Next: part.next}, nil).Once()
	}
	env.ExecuteWorkflow(ExpireChats, &temporal.ExpireChatsInput{})
	require.NoError(t, env.GetWorkflowError())
	var result temporal.ExpireChatsResult
	require.NoError(t, env.GetWorkflowResult(&result))
	require.Equal(t, temporal.ExpireChatsResult{Clients: 300, Rows: 21, Failed: 3}, result)
}

func TestExpireChatsGoesOnInANewRun(t *testing.T) {
	t.Parallel()
	env := retentionEnvironment(t)
	env.SetContinueAsNewSuggested(true) // the history is long
	env.ExecuteWorkflow(ExpireChats, &temporal.ExpireChatsInput{After: "c1", Result: temporal.ExpireChatsResult{Clients: 100}})
	var again *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &again)
}
