package activities

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/cache"
	"github.com/chatconnect/chatconnect/internal/redistest"
	"github.com/chatconnect/chatconnect/temporal"
)

// answering is all that Retrieve asks. It counts embeddings.
type answering struct {
	chatconnect.VectorIndex
	chatconnect.ChatStore
	ChatMetrics
	budget   chatconnect.TokenBudget
	embedded atomic.Int64
	tokens   int // of a question's vector
	counted  chan chatconnect.Completion
}

func (*answering) Generations(context.Context) (chatconnect.Generations, error) {
	return chatconnect.Generations{Active: chatconnect.Generation{Collection: "g", Model: "m", Dimensions: 1}}, nil
}

func (*answering) Search(context.Context, chatconnect.ClientID, chatconnect.SearchQuery) ([]chatconnect.Passage, error) {
	return []chatconnect.Passage{{DocumentID: "d"}}, nil
}

func (s *answering) ChatContext(context.Context, chatconnect.ClientID, chatconnect.SessionID, int) (chatconnect.ChatContext, error) {
	return chatconnect.ChatContext{Knowledge: chatconnect.Knowledge{Ready: 1}, Budget: s.budget}, nil
}

func (s *answering) Embedder(string, int) (chatconnect.Embedder, error) { return s, nil }
func (*answering) Model() string                                        { return "m" }
func (*answering) Dimensions() int                                      { return 1 }
func (s *answering) Embed(context.Context, chatconnect.ClientID, []string) (chatconnect.Embedding, error) {
	s.embedded.Add(1)
	return chatconnect.Embedding{Vectors: [][]float32{{1}}, Tokens: s.tokens, Paid: s.tokens, Cost: 2}, nil
}

func (*answering) Rewrite(_ context.Context, _ []chatconnect.Turn, question string) chatconnect.Rewritten {
	return chatconnect.Rewritten{Text: question}
}
func (*answering) QueryCacheHit()                  {}
func (*answering) QueryCacheMiss()                 {}
func (*answering) Embedded(chatconnect.Completion) {}
func (s *answering) AddUsage(_ context.Context, _ chatconnect.ClientID, _ time.Time, spent chatconnect.Completion) error {
	s.counted <- spent
	return nil
}

// A client without tokens costs nothing: after the first look nothing is begun
// ahead of the next.
func TestAnExhaustedClientBurnsNoEmbeddings(t *testing.T) {
	t.Parallel()
	all := &answering{budget: chatconnect.TokenBudget{Limit: 10, Used: 10, Warned: true}}
	a := &Chat{
		Chats: all, Embedders: all, Index: all, Rewriter: all, Metrics: all,
		Cache: cache.New(cache.Options{Redis: redistest.Mini(t).Client(t), Timeout: patiently}), Logger: slog.New(slog.DiscardHandler),
	}
	retrieve := func(client chatconnect.ClientID) error {
		_, err := a.Retrieve(t.Context(), &temporal.ChatInput{ClientID: client, SessionID: "s", Text: "What does it cost?"})
		return err
	}
	require.Error(t, retrieve("poor"))
	require.Eventually(t, func() bool { return all.embedded.Load() == 1 }, 10*time.Second, time.Millisecond, "begun before it was known")
	for range 5 {
		require.Equal(t, "budget_exhausted", temporal.DecodeError(retrieve("poor")).Code)
	}
	all.budget.Limit = 20 // raised by its owner
	require.NoError(t, retrieve("poor"))
	require.EqualValues(t, 2, all.embedded.Load())
	require.NoError(t, retrieve("rich"))
}

// A question's vector is paid for, whatever becomes of the question.
func TestAQuestionsVectorIsCounted(t *testing.T) {
	t.Parallel()
	all := &answering{tokens: 7, counted: make(chan chatconnect.Completion, 1)}
	a := &Chat{
		Chats: all, Embedders: all, Index: all, Rewriter: all, Metrics: all,
		Cache: cache.New(cache.Options{Redis: redistest.Mini(t).Client(t), Timeout: patiently}), Logger: slog.New(slog.DiscardHandler),
	}
	_, err := a.Retrieve(t.Context(), &temporal.ChatInput{ClientID: "c", SessionID: "s", Text: "What does it cost?"})
	require.NoError(t, err)
	select {
	case spent := <-all.counted:
		require.Equal(t, chatconnect.Completion{Model: "m", Usage: chatconnect.Usage{InputTokens: 7}, Cost: 2}, spent)
	case <-time.After(time.Minute):
		require.Fail(t, "not counted")
	}
}
