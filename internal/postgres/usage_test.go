package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// embedding is what so many tokens of a document took.
func embedding(tokens int) chatconnect.Completion {
	return chatconnect.Completion{Model: "text-embedding-3-large", Usage: chatconnect.Usage{InputTokens: tokens}, Cost: 1}
}

// age makes every stage so far seem to have begun earlier.
func (b *bundle) age(document chatconnect.Document, d time.Duration) {
	b.Helper()
	_, err := b.superuser().Exec(b.Context(), `
		UPDATE documents SET stages = (
			SELECT jsonb_agg(s || jsonb_build_object('startedAt', (s->>'startedAt')::timestamptz - $2::interval) ORDER BY n)
			FROM jsonb_array_elements(stages) WITH ORDINALITY AS e(s, n))
		WHERE id = $1`, string(document.ID), d)
	require.NoError(b, err)
}

// names and hours of the stages, -1 for one that runs.
func stagesOf(document chatconnect.Document) (names []string, hours []int) {
	for _, stage := range document.Stages {
		names = append(names, stage.Name)
		if stage.Milliseconds == nil {
			hours = append(hours, -1)
		} else {
			hours = append(hours, int((time.Duration(*stage.Milliseconds) * time.Millisecond).Round(time.Hour).Hours()))
		}
	}
	return names, hours
}

// A version goes through its stages, an hour of the database's clock apart at
// least, so that no machine is slow enough to be mistaken for one.
func TestStagesAreTimedAndRecordedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	names, hours := stagesOf(document)
	require.Equal(t, []string{"queue"}, names)
	require.Equal(t, []int{-1}, hours)

	b.age(document, 2*time.Hour) // in the queue
	b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusParsing, Stage: "Reading"})
	b.age(document, 3*time.Hour)
	got, _ := b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusParsing, Stage: "Reading page 2"})
	names, hours = stagesOf(got)
	require.Equal(t, []string{"queue", "parse"}, names, "another sentence begins no stage")
	require.Equal(t, []int{2, -1}, hours)
	got, changed := b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusParsing, Stage: "Read", StageEnded: true, Progress: 15})
	require.True(t, changed)
	_, hours = stagesOf(got)
	require.Equal(t, []int{2, 3}, hours)
	b.age(document, 5*time.Hour) // waiting for a turn
	b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusChunking, Stage: "Dividing"})
	b.age(document, 7*time.Hour)
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision(document), chunks(3)))
	require.NoError(t, b.store.AddEmbeddingUsage(ctx, b.client, revision(document), embedding(200)))
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision(document), chunks(3)), "by an attempt that was late")
	require.NoError(t, b.store.AddEmbeddingUsage(ctx, b.client, revision(document), embedding(110)))
	require.NoError(t, b.store.AddEmbeddingUsage(ctx, b.client, chatconnect.Revision{DocumentID: document.ID, Version: 9}, embedding(1)), "of what is gone")
	b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusEmbedding, Stage: "Embedding"})
	b.age(document, 11*time.Hour)
	got, _ = b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusChunking, Stage: "late", Progress: 50})
	require.Len(t, got.Stages, 4, "a late step changes no stage")
	b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusStoring, Stage: "Checking"})
	b.age(document, 13*time.Hour)

	cost := chatconnect.IngestionCost{Chunks: 3, Tokens: 300, EmbeddingModel: "text-embedding-3-large"}
	ready, err := b.store.Activate(ctx, b.client, revision(document), cost)
	require.NoError(t, err)
	names, hours = stagesOf(ready)
	require.Equal(t, []string{"queue", "parse", "chunk", "embed", "activate"}, names)
	require.Equal(t, []int{2, 3, 7, 11, 13}, hours)
	cost.Tokens = 1
	_, err = b.store.Activate(ctx, b.client, revision(document), cost)
	require.NoError(t, err, "repeated")

	type usage struct {
		Type, Model              string
		Version, Chunks          int
		Bytes, Tokens, Embedding int64
		Queued, Parse, Chunk     int64
		Embed, Total             int64
	}
	rows, err := b.superuser().Query(ctx, `SELECT file_type, embedding_model, version, chunks, bytes, tokens, embedding_tokens,
		queued_ms, parse_ms, chunk_ms, embed_ms, total_ms FROM ingestion_usage WHERE document_id = $1`, string(document.ID))
	require.NoError(t, err)
	recorded, err := pgx.CollectRows(rows, pgx.RowToStructByPos[usage])
	require.NoError(t, err)
	require.Len(t, recorded, 1, "however often it is activated")
	u := recorded[0]
	for name, times := range map[string][2]int64{
		"queued": {2 + 5, u.Queued}, "parse": {3, u.Parse}, "chunk": {7, u.Chunk}, "embed": {11, u.Embed}, "total": {41, u.Total},
	} {
		require.InDelta(t, times[0]*3_600_000, times[1], 1_800_000, name)
	}
	u.Queued, u.Parse, u.Chunk, u.Embed, u.Total = 0, 0, 0, 0, 0
	require.Equal(t, usage{Type: string(document.Type), Model: "text-embedding-3-large", Version: 1, Chunks: 3, Bytes: document.Size, Tokens: 300, Embedding: 310}, u)

	require.EqualValues(t, 311, query[int64](b, `SELECT input_tokens FROM usage_stats WHERE model = 'text-embedding-3-large'`), "of what is gone too")
	require.NoError(t, b.store.DeleteDocument(ctx, b.client, document.ID))
	require.Equal(t, 1, query[int](b, `SELECT count(*) FROM ingestion_usage WHERE client_id = $1`, string(b.client)), "what was used stays used")
}

// A version that is tried again begins its stages anew, and has one record.
func TestStagesOfAnotherAttempt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.newDocument()
	b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusParsing, Stage: "Reading"})
	failed, _ := b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: chatconnect.StatusFailed, Stage: "No"})
	names, hours := stagesOf(failed)
	require.Equal(t, []string{"queue", "parse"}, names)
	require.NotContains(t, hours, -1, "nothing runs any more")
	require.Zero(t, query[int](b, `SELECT count(*) FROM ingestion_usage`))
	again, err := b.store.RetryDocument(t.Context(), b.client, document.ID)
	require.NoError(t, err)
	names, _ = stagesOf(again)
	require.Equal(t, []string{"queue"}, names)
}
