package activities

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/temporal"
)

func TestWaitingStage(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 15, 3, 10, 0, time.FixedZone("", 3600))
	for _, test := range []struct {
		err  *chatconnect.Error
		says string
	}{
		{
			&chatconnect.Error{Kind: chatconnect.KindRateLimited, Code: "model_rate_limited", RetryAfter: 10 * time.Second},
			"The embedding provider is rate limiting; next try at 14:03:20 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "model_unavailable", RetryAfter: 1500 * time.Millisecond},
			"The embedding provider is unavailable; next try at 14:03:12 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "model_credentials_invalid", RetryAfter: time.Minute},
			"The embedding provider refuses the API key; next try at 14:04:10 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "model_not_found", RetryAfter: time.Second},
			"The embedding provider does not know the model; next try at 14:03:11 UTC.",
		},
		{
			chatconnect.ErrNoEmbedder,
			"The embedding model of a search index that is being built is not set up; next try at 14:03:10 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "vector_store_unavailable", RetryAfter: time.Second},
			"The search index is unavailable; next try at 14:03:11 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "storage_unavailable", RetryAfter: time.Second},
			"The file storage is unavailable; next try at 14:03:11 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "database_unavailable", RetryAfter: time.Second},
			"The database was unavailable; next try at 14:03:11 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: chatconnect.CodeParserUnavailable, RetryAfter: time.Second},
			"The file reader can't start on this server; next try at 14:03:11 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: chatconnect.CodeParserStopped, RetryAfter: time.Second},
			"The file reader was stopped; next try at 14:03:11 UTC.",
		},
		{
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "other", RetryAfter: time.Second},
			"A service is unavailable; next try at 14:03:11 UTC.",
		},
	} {
		require.Equal(t, test.says, waitingStage(test.err, now))
	}
}

// oneDocument is a store that knows a single document in its embedding stage.
type oneDocument struct {
	chatconnect.DocumentStore
	superseded bool
	stages     []string
}

func (s *oneDocument) Chunks(context.Context, chatconnect.ClientID, chatconnect.Revision, int, int) ([]chatconnect.Chunk, error) {
	return []chatconnect.Chunk{{Content: "tea"}}, nil
}

func (s *oneDocument) UpdateProgress(_ context.Context, _ chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	if s.superseded {
		return chatconnect.Document{}, false, chatconnect.ErrNotFound
	}
	s.stages = append(s.stages, p.Stage)
	return s.document(), true, nil
}

func (s *oneDocument) CompleteBatch(context.Context, chatconnect.ClientID, chatconnect.Revision, int, int) (chatconnect.Document, error) {
	return s.document(), nil
}

func (s *oneDocument) document() chatconnect.Document {
	d := chatconnect.Document{Version: 1, Status: chatconnect.StatusEmbedding, Stage: stageEmbedding}
	if len(s.stages) > 0 {
		d.Stage = s.stages[len(s.stages)-1]
	}
	return d
}

type silence struct {
	chatconnect.ProgressFeed
	chatconnect.VectorIndex
	err    error
	budget chatconnect.TokenBudget
}

func (silence) PublishDocument(context.Context, chatconnect.Document) error { return nil }
func (silence) Model() string                                               { return "test" }
func (silence) Dimensions() int                                             { return 1 }
func (s silence) Embed(context.Context, chatconnect.ClientID, []string) (chatconnect.Embedding, error) {
	return chatconnect.Embedding{Vectors: [][]float32{{1}}}, s.err
}

func (s silence) Embedder(string, int) (chatconnect.Embedder, error) { return s, nil }
func (silence) Generations(context.Context) (chatconnect.Generations, error) {
	return chatconnect.Generations{Active: chatconnect.Generation{Collection: "test_1", Model: "test", Dimensions: 1}}, nil
}

func (silence) Upsert(context.Context, chatconnect.ClientID, chatconnect.Generation, []chatconnect.IndexedChunk) error {
	return nil
}
func (silence) StageDone(string, chatconnect.FileType, time.Duration) {}
func (silence) Ingested(chatconnect.Status, string)                   {}
func (silence) Embedded(chatconnect.Completion)                       {}

func (s silence) Budget(context.Context, chatconnect.ClientID) (chatconnect.TokenBudget, error) {
	return s.budget, nil
}

func (silence) AddUsage(context.Context, chatconnect.ClientID, time.Time, chatconnect.Completion) error {
	return nil
}

// embedOnce runs one attempt of EmbedBatch.
func embedOnce(t *testing.T, store *oneDocument, embedder error) error {
	t.Helper()
	quiet := silence{err: embedder}
	a := &Ingestion{
		Documents: store, Embedders: quiet, Index: quiet, Progress: quiet, Metrics: quiet, Budgets: quiet,
		Logger: slog.New(slog.DiscardHandler),
	}
	environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	environment.RegisterActivity(a.EmbedBatch)
	_, err := environment.ExecuteActivity(a.EmbedBatch, &temporal.EmbedBatchInput{
		IngestInput: temporal.IngestInput{ClientID: "c", DocumentID: "d", Version: 1}, To: 1,
	})
	return err
}

func TestTheDelayIsTheOneThatWasSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		pause time.Duration
		says  string
	}{
		"named by the provider": {
			&chatconnect.Error{Kind: chatconnect.KindRateLimited, Code: "model_rate_limited", RetryAfter: 7 * time.Second},
			7 * time.Second, "rate limiting; next try at ",
		},
		"not named":   {chatconnect.Errorf(chatconnect.KindUnavailable, "model_unavailable", "Away."), time.Second, "unavailable; next try at "},
		"a wrong key": {chatconnect.Errorf(chatconnect.KindInternal, "model_credentials_invalid", "Wrong."), time.Second, "refuses the API key; next try at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &oneDocument{}
			var app *sdktemporal.ApplicationError
			require.ErrorAs(t, embedOnce(t, store, test.err), &app)
			require.False(t, app.NonRetryable())
			require.Equal(t, test.pause, app.NextRetryDelay())
			require.Len(t, store.stages, 1)
			require.Contains(t, store.stages[0], test.says)

			require.NoError(t, embedOnce(t, store, nil))
			require.Equal(t, stageEmbedding, store.stages[1], "work goes on")
			require.NoError(t, embedOnce(t, store, nil))
			require.Len(t, store.stages, 2, "and says so once")
		})
	}
}

// away is storage and an index that can't be reached.
type away struct {
	chatconnect.BlobStore
	silence
}

func (away) Open(context.Context, string) (io.ReadCloser, error) {
	return nil, chatconnect.Errorf(chatconnect.KindUnavailable, "storage_unavailable", "Away.")
}

func (away) Count(context.Context, chatconnect.ClientID, chatconnect.Revision) (int, error) {
	return 0, chatconnect.Errorf(chatconnect.KindUnavailable, "vector_store_unavailable", "Away.")
}

// absentDatabase fails its first writes.
type absentDatabase struct {
	*oneDocument
	failures int
}

func (s *absentDatabase) UpdateProgress(ctx context.Context, client chatconnect.ClientID, p chatconnect.DocumentProgress) (chatconnect.Document, bool, error) {
	if s.failures--; s.failures >= 0 {
		return chatconnect.Document{}, false, chatconnect.Errorf(chatconnect.KindUnavailable, "database_unavailable", "Away.")
	}
	return s.oneDocument.UpdateProgress(ctx, client, p)
}

// Every stage says what it waits for, and keeps its word.
func TestEveryStageSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	in := temporal.IngestInput{ClientID: "c", DocumentID: "d", Version: 1}
	for name, test := range map[string]struct {
		run      func(a *Ingestion) (activity any, input any)
		database int // failed writes
		says     []string
	}{
		"parse":                {func(a *Ingestion) (any, any) { return a.ParseDocument, &in }, 0, []string{"Reading the file", "The file storage is unavailable; next try at "}},
		"chunk":                {func(a *Ingestion) (any, any) { return a.ChunkDocument, &in }, 0, []string{"Dividing the text", "The file storage is unavailable; next try at "}},
		"activate":             {func(a *Ingestion) (any, any) { return a.ActivateDocument, &temporal.ActivateInput{IngestInput: in} }, 0, []string{"Checking the search index", "The search index is unavailable; next try at "}},
		"database":             {func(a *Ingestion) (any, any) { return a.ChunkDocument, &in }, 1, []string{"The database was unavailable; next try at "}},
		"database, still away": {func(a *Ingestion) (any, any) { return a.ChunkDocument, &in }, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &oneDocument{}
			none := away{}
			a := &Ingestion{
				Documents: &absentDatabase{store, test.database}, Blobs: none, Index: none, Embedders: none, Progress: none, Metrics: none,
				Logger: slog.New(slog.DiscardHandler),
			}
			environment := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			activity, input := test.run(a)
			environment.RegisterActivity(activity)
			_, err := environment.ExecuteActivity(activity, input)
			var app *sdktemporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.False(t, app.NonRetryable())
			require.Equal(t, time.Second, app.NextRetryDelay())
			require.Len(t, store.stages, len(test.says))
			for i, says := range test.says {
				require.Contains(t, store.stages[i], says)
			}
		})
	}
}

func TestNobodyWaitsForASupersededVersion(t *testing.T) {
	t.Parallel()
	var app *sdktemporal.ApplicationError
	err := embedOnce(t, &oneDocument{superseded: true}, chatconnect.Errorf(chatconnect.KindUnavailable, "model_unavailable", "Away."))
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable())
	require.Equal(t, temporal.CodeSuperseded, app.Type())
}

func TestOtherErrorsSayNothing(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{errors.New("bug"), chatconnect.Errorf(chatconnect.KindInvalid, "x", "Invalid.")} {
		store := &oneDocument{}
		require.Error(t, embedOnce(t, store, cause))
		require.Empty(t, store.stages)
	}
}
