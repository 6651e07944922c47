package activities

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

// shelf is a library whose documents are being ingested, or were.
type shelf struct {
	*library
	spent int // tokens noted

	budget chatconnect.TokenBudget
	stages []string
}

func (s *shelf) Budget(context.Context, chatconnect.ClientID) (chatconnect.TokenBudget, error) {
	return s.budget, nil
}

func (*shelf) AddUsage(context.Context, chatconnect.ClientID, time.Time, chatconnect.Completion) error {
	return nil
}

func newShelf() *shelf { return &shelf{library: newLibrary()} }

func (*shelf) StageDone(string, chatconnect.FileType, time.Duration) {}
func (*shelf) Ingested(chatconnect.Status, string)                   {}

func (s *shelf) AddEmbeddingUsage(_ context.Context, _ chatconnect.ClientID, _ chatconnect.Revision, spent chatconnect.Completion) error {
	s.spent += spent.Usage.InputTokens
	return nil
}

func (s *shelf) CompleteBatch(ctx context.Context, client chatconnect.ClientID, r chatconnect.Revision, _, _ int) (chatconnect.Document, error) {
	return s.Document(ctx, client, r.DocumentID)
}

func (s *shelf) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	s.stages = append(s.stages, p.Stage)
	document, err := s.Document(ctx, client, p.DocumentID)
	return document, err == nil, err
}

// shelfIndex has one generation, and may fail its first writes.
type shelfIndex struct {
	libraryIndex
	failures *int
}

func (shelfIndex) Generations(context.Context) (chatconnect.Generations, error) {
	return chatconnect.Generations{Active: chatconnect.Generation{Collection: "g", Model: "new", Dimensions: 1}}, nil
}

func (x shelfIndex) Upsert(ctx context.Context, client chatconnect.ClientID, g chatconnect.Generation, chunks []chatconnect.IndexedChunk) error {
	if *x.failures--; *x.failures >= 0 {
		return chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away.")
	}
	return x.libraryIndex.Upsert(ctx, client, g, chunks)
}

// embedBatch runs one attempt at the only batch of document a.
func (s *shelf) embedBatch(t *testing.T, failures *int, embedders chatconnect.Embedders) error {
	t.Helper()
	index := shelfIndex{libraryIndex{l: s.library}, failures}
	a := &Ingestion{Documents: s, Index: index, Embedders: embedders, Progress: silence{}, Budgets: s, Metrics: s, Logger: slog.New(slog.DiscardHandler)}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(a.EmbedBatch)
	_, err := environment.ExecuteActivity(a.EmbedBatch, &temporal.EmbedBatchInput{
		IngestInput: temporal.IngestInput{ClientID: "c", DocumentID: "a", Version: 1, Name: "a.txt"}, To: 4,
	})
	return err
}

// TestEmbedBatchLeavesNothingOfWhatIsUnwanted has the document go while the
// provider is asked: the janitor fills an active version again, and neither a
// deletion nor a replacement waits for that.
func TestEmbedBatchLeavesNothingOfWhatIsUnwanted(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(l *library){
		"deleted": func(l *library) { delete(l.documents, "a"); l.chunks["a"] = 0 },
		"being deleted": func(l *library) {
			l.documents["a"] = chatconnect.Document{Version: 1, Status: chatconnect.StatusDeleting, ActiveVersion: 1}
		},
		"replaced": func(l *library) {
			l.documents["a"] = chatconnect.Document{Version: 2, Status: chatconnect.StatusReady, ActiveVersion: 2}
		},
		"failed": func(l *library) {
			l.documents["a"] = chatconnect.Document{Version: 1, Status: chatconnect.StatusFailed}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf()
			s.onEmbed = func() { goes(s.library) }
			none := 0
			var app *sdktemporal.ApplicationError
			require.ErrorAs(t, s.embedBatch(t, &none, s), &app)
			require.Equal(t, temporal.CodeSuperseded, app.Type())
			require.Empty(t, s.points["a"])

			// An attempt that died before it looked left them to the next one.
			s.points["a"] = []int{0, 1}
			s.chunks["a"] = 0
			require.ErrorAs(t, s.embedBatch(t, &none, s), &app)
			require.Equal(t, temporal.CodeSuperseded, app.Type())
			require.Empty(t, s.points["a"])
		})
	}
}

// TestEmbedBatchLeavesWhatMayBeAllThereIs: the rows of an active version are
// damaged, the document is none the less wanted.
func TestEmbedBatchLeavesWhatMayBeAllThereIs(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.chunks["a"], s.points["a"] = 3, []int{0, 1, 2, 3}
	none := 0
	require.Error(t, s.embedBatch(t, &none, s))
	require.Len(t, s.points["a"], 4)
}

// caching is an embedder that a text costs once.
type caching struct {
	*shelf
	known map[string]bool
}

func (c caching) Embedder(string, int) (chatconnect.Embedder, error) { return c, nil }

func (c caching) Embed(ctx context.Context, client chatconnect.ClientID, texts []string) (chatconnect.Embedding, error) {
	e, err := c.shelf.Embed(ctx, client, texts)
	e.Paid = 0
	for _, text := range texts {
		if !c.known[text] {
			e.Paid += 100
		}
		c.known[text] = true
	}
	return e, err
}

// TestTokensAreCountedOfABatchThatFails: the provider has been paid, and the
// next attempt finds its vectors in the cache.
func TestTokensAreCountedOfABatchThatFails(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.documents["a"] = chatconnect.Document{Version: 1, Status: chatconnect.StatusEmbedding}
	failures, embedder := 1, caching{s, map[string]bool{}}
	require.ErrorContains(t, s.embedBatch(t, &failures, embedder), "Away.")
	require.NoError(t, s.embedBatch(t, &failures, embedder))
	require.Len(t, s.points["a"], 4)
	require.Equal(t, 100, s.spent) // all four have the same text
}

// TestADocumentWaitsForTokens: nothing is embedded and nothing is lost while the
// month's tokens are used up, and it goes on as soon as the limit is raised.
func TestADocumentWaitsForTokens(t *testing.T) {
	t.Parallel()
	s := newShelf()
	s.documents["a"] = chatconnect.Document{Version: 1, Status: chatconnect.StatusEmbedding}
	s.budget = chatconnect.TokenBudget{Limit: 1000, Ceiling: 1000, Used: 1000}
	none := 0
	var app *sdktemporal.ApplicationError
	require.ErrorAs(t, s.embedBatch(t, &none, s), &app)
	require.Equal(t, "budget_exhausted", app.Type())
	require.False(t, app.NonRetryable(), "it waits, however long that takes")
	require.Equal(t, budgetPause, app.NextRetryDelay())
	require.Len(t, s.stages, 1)
	require.Regexp(t, `^This month’s tokens are used up; reading goes on next month or with a higher limit; next try at \d\d:\d\d:\d\d UTC\.$`, s.stages[0])
	require.Empty(t, s.texts, "the provider is not asked")
	require.Empty(t, s.points["a"])

	s.budget.Limit = 2000
	require.NoError(t, s.embedBatch(t, &none, s))
	require.Len(t, s.points["a"], 4)
	require.Equal(t, 4, s.spent, "and counted")
}
