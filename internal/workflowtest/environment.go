// Package workflowtest is for tests that run a workflow or an activity in the
// SDK's test environment. It imports the SDK alone.
package workflowtest

import (
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
)

// New is where a workflow runs on a clock of its own. Its patience alone is with
// the real one: by itself the SDK takes a workflow that gets no processor for a
// second for deadlocked, and one whose activity gets none for three seconds for
// stuck.
func New(t testing.TB, interceptors ...interceptor.WorkerInterceptor) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(sdkworker.Options{Interceptors: interceptors, DeadlockDetectionTimeout: time.Minute})
	t.Cleanup(func() { env.AssertExpectations(t) })
	return env
}
