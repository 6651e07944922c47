package activities

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/internal/workflowtest"
	"github.com/chatconnect/chatconnect/temporal"
)

// followingUp is an index that is away for the first searches, in a
// conversation whose questions a model rewrites.
type followingUp struct {
	answering
	fails             atomic.Int64 // searches that will
	asked, paid, seen atomic.Int64
}

func (f *followingUp) Rewrite(context.Context, []chatconnect.Turn, string) chatconnect.Rewritten {
	f.asked.Add(1)
	return chatconnect.Rewritten{Text: "What does the Trail X cost?", Usage: chatconnect.Usage{InputTokens: 90, OutputTokens: 10}, Cost: 7}
}

func (f *followingUp) Search(_ context.Context, _ chatconnect.ClientID, q chatconnect.SearchQuery) ([]chatconnect.Passage, error) {
	if q.Text == "What does the Trail X cost?" {
		f.seen.Add(1)
	}
	if f.fails.Add(-1) >= 0 {
		return nil, chatconnect.Errorf(chatconnect.KindUnavailable, "index_unavailable", "The index is away.")
	}
	return []chatconnect.Passage{{DocumentID: "d"}}, nil
}

func (f *followingUp) AddUsage(_ context.Context, _ chatconnect.ClientID, _ time.Time, spent chatconnect.Completion) error {
	f.paid.Add(int64(spent.Usage.InputTokens + spent.Usage.OutputTokens))
	return nil
}
func (*followingUp) Spent(chatconnect.Completion) {}

// However often a search is tried, its question is rewritten once, and that is
// counted once: by the result, or, if an attempt fails, at once.
func TestARewritingIsPaidForOnce(t *testing.T) {
	t.Parallel()
	for _, failures := range []int64{0, 1, 5} {
		all := &followingUp{}
		all.fails.Store(failures)
		a := &Chat{
			Chats: all, Embedders: all, Index: all, Rewriter: all, Metrics: all,
			Cache: cache.New(cache.Options{Redis: redistest.Mini(t).Client(t), Timeout: patiently}), Logger: slog.New(slog.DiscardHandler),
		}
		env := workflowtest.New(t)
		env.ExecuteWorkflow(func(ctx workflow.Context) (*temporal.RetrieveResult, error) {
			ctx = workflow.WithLocalActivityOptions(ctx, temporal.RetrieveOptions())
			var found *temporal.RetrieveResult
			err := workflow.ExecuteLocalActivity(ctx, a.Retrieve, &temporal.ChatInput{
				ClientID: chatconnect.ClientID(uuid.Nil.String()), SessionID: "s", MessageID: "m", Text: "And how much is that?",
			}).Get(ctx, &found)
			return found, err
		})
		require.NoError(t, env.GetWorkflowError())
		var found temporal.RetrieveResult
		require.NoError(t, env.GetWorkflowResult(&found))
		require.NotEmpty(t, found.Passages)
		require.EqualValues(t, 1, all.asked.Load(), "after %d failures", failures)
		require.Equal(t, failures+1, all.seen.Load(), "what it was rewritten to is searched for each time")
		inResult := int64(found.Rewritten.Usage.InputTokens + found.Rewritten.Usage.OutputTokens)
		require.EqualValues(t, 100, inResult+all.paid.Load(), "after %d failures", failures)
	}
}
