package activities

import (
	"context"
	"errors"
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
			&chatconnect.Error{Kind: chatconnect.KindUnavailable, Code: "vector_store_unavailable", RetryAfter: time.Second},
			"The search index is unavailable; next try at 14:03:11 UTC.",
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
	err error
}

func (silence) PublishDocument(context.Context, chatconnect.Document) error { return nil }
func (silence) Model() string                                               { return "test" }
func (silence) Dimensions() int                                             { return 1 }
func (s silence) Embed(context.Context, []string) (chatconnect.Embedding, error) {
	return chatconnect.Embedding{Vectors: [][]float32{{1}}}, s.err
}

func (silence) Upsert(context.Context, chatconnect.ClientID, []chatconnect.IndexedChunk) error {
	return nil
}
func (silence) StageDone(string, chatconnect.FileType, time.Duration) {}
func (silence) Ingested(chatconnect.Status, string)                   {}
func (silence) Embedded(string, int)                                  {}

// embedOnce runs one attempt of EmbedBatch.
func embedOnce(t *testing.T, store *oneDocument, embedder error) error {
	t.Helper()
	quiet := silence{err: embedder}
	a := &Ingestion{
		Documents: store, Embedder: quiet, Index: quiet, Progress: quiet, Metrics: quiet,
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
