package postgres_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestCreateAndReadADocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	created := b.newDocument()
	require.Equal(t, b.client, created.ClientID)
	require.Equal(t, 1, created.Version)
	require.Equal(t, chatconnect.StatusQueued, created.Status)
	require.Zero(t, created.ActiveVersion)
	require.Nil(t, created.Error)
	read, err := b.store.Document(t.Context(), b.client, created.ID)
	require.NoError(t, err)
	require.Equal(t, created, read)

	_, err = b.store.CreateDocument(t.Context(), b.client, created)
	requireKind(t, chatconnect.KindConflict, "already_exists", err)
	bad := created
	bad.ID, bad.Type = "", "exe"
	_, err = b.store.CreateDocument(t.Context(), b.client, bad)
	requireKind(t, chatconnect.KindInvalid, "invalid_value", err)
	_, err = b.store.CreateDocument(t.Context(), unknownID, created)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)

	other := b.newClient(b.owner.ID)
	_, err = b.store.Document(t.Context(), other.ID, created.ID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.Document(t.Context(), b.client, "nonsense")
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestDocumentsPageNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []chatconnect.DocumentID
	for range 7 {
		want = append(want, b.newDocument().ID)
	}
	// Three of one moment: only their ids order them.
	_, err := b.superuser().Exec(t.Context(), `UPDATE documents SET created_at = '2026-01-01' WHERE id = ANY($1::uuid[])`,
		[]string{string(want[1]), string(want[2]), string(want[3])})
	require.NoError(t, err)
	tied := slices.Clone(want[1:4])
	slices.Sort(tied)
	want = append(append(slices.Clone(tied), want[0]), want[4:]...)
	slices.Reverse(want)

	var got []chatconnect.DocumentID
	cursor, pages := "", 0
	for {
		documents, next, err := b.store.Documents(t.Context(), b.client, chatconnect.DocumentFilter{Cursor: cursor, Limit: 2})
		require.NoError(t, err)
		for _, document := range documents {
			got = append(got, document.ID)
		}
		pages++
		if next == "" {
			break
		}
		require.Len(t, documents, 2)
		cursor = next
		b.newDocument() // a newer one must not shift the pages
	}
	require.Equal(t, 4, pages)
	require.Equal(t, want, got)

	documents, next, err := b.store.Documents(t.Context(), b.newClient(b.owner.ID).ID, chatconnect.DocumentFilter{})
	require.NoError(t, err)
	require.NotNil(t, documents)
	require.Empty(t, documents)
	require.Empty(t, next)
	for _, cursor := range []string{"!", "bm90IGE", base64.RawURLEncoding.EncodeToString([]byte("2026-01-01T00:00:00Z|x"))} {
		_, _, err = b.store.Documents(t.Context(), b.client, chatconnect.DocumentFilter{Cursor: cursor})
		requireKind(t, chatconnect.KindInvalid, "cursor_invalid", err)
	}
}

func TestProgressNeverFalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type progress = chatconnect.DocumentProgress
	document := b.newDocument()
	steps := []struct {
		name    string
		step    progress
		changed bool
		status  chatconnect.Status
		stage   string
		percent int
		total   int
		done    int
	}{
		{"forward", progress{Status: "parsing", Stage: "Reading page 3 of 10", Progress: 6}, true, "parsing", "Reading page 3 of 10", 6, 0, 0},
		{"the same again", progress{Status: "parsing", Stage: "Reading page 3 of 10", Progress: 6}, false, "parsing", "Reading page 3 of 10", 6, 0, 0},
		{"only the stage", progress{Status: "parsing", Stage: "Reading page 4 of 10"}, true, "parsing", "Reading page 4 of 10", 6, 0, 0},
		{"an empty stage keeps the old", progress{Status: "chunking", Progress: 15, ChunksTotal: 40}, true, "chunking", "Reading page 4 of 10", 15, 40, 0},
		{"late from before", progress{Status: "parsing", Stage: "Reading page 9 of 10", Progress: 9}, false, "chunking", "Reading page 4 of 10", 15, 40, 0},
		{"late but with more counted", progress{Status: "parsing", Stage: "Late", Progress: 17}, true, "chunking", "Reading page 4 of 10", 17, 40, 0},
		{"counts", progress{Status: "embedding", Stage: "Embedding", ChunksDone: 10}, true, "embedding", "Embedding", 17, 40, 10},
		{"lower counts", progress{Status: "embedding", ChunksDone: 5, Progress: 3}, false, "embedding", "Embedding", 17, 40, 10},
		{"over a hundred", progress{Status: "storing", Progress: 400}, true, "storing", "Embedding", 100, 40, 10},
	}
	for _, step := range steps {
		got, changed := b.advance(document, step.step)
		require.Equal(t, step.changed, changed, step.name)
		require.Equal(t, step.status, got.Status, step.name)
		require.Equal(t, step.stage, got.Stage, step.name)
		require.Equal(t, []int{step.percent, step.total, step.done}, []int{got.Progress, got.ChunksTotal, got.ChunksDone}, step.name)
		read, err := b.store.Document(t.Context(), b.client, document.ID)
		require.NoError(t, err)
		require.Equal(t, read, got, step.name)
	}
	got, changed := b.advance(document, progress{Version: 2, Status: "failed"})
	require.False(t, changed, "another version")
	require.Equal(t, chatconnect.StatusStoring, got.Status)

	_, _, err := b.store.UpdateProgress(t.Context(), b.client, progress{DocumentID: unknownID, Version: 1, Status: "parsing"})
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, _, err = b.store.UpdateProgress(t.Context(), b.newClient(b.owner.ID).ID, progress{DocumentID: document.ID, Version: 1, Status: "failed"})
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, _, err = b.store.UpdateProgress(t.Context(), b.client, progress{DocumentID: document.ID, Version: 1, Status: "ready"})
	require.Error(t, err)
}

func TestAnEndedVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failure := &chatconnect.DocumentError{Code: chatconnect.CodeCorrupt, Message: "The file is damaged."}
	end := map[chatconnect.Status]func(chatconnect.Document){
		chatconnect.StatusFailed: func(d chatconnect.Document) {
			got, changed := b.advance(d, chatconnect.DocumentProgress{Status: "failed", Error: failure})
			require.True(t, changed)
			require.Equal(t, failure, got.Error)
			require.Equal(t, 30, got.Progress)
		},
		chatconnect.StatusCancelled: func(d chatconnect.Document) {
			_, changed := b.advance(d, chatconnect.DocumentProgress{Status: "cancelled"})
			require.True(t, changed)
		},
		chatconnect.StatusReady: func(d chatconnect.Document) {
			_, err := b.store.Activate(t.Context(), b.client, revision(d), chatconnect.IngestionCost{})
			require.NoError(t, err)
		},
	}
	for status, finish := range end {
		document := b.newDocument()
		b.advance(document, chatconnect.DocumentProgress{Status: "embedding", Progress: 30, ChunksTotal: 4})
		finish(document)
		before, err := b.store.Document(t.Context(), b.client, document.ID)
		require.NoError(t, err)
		require.Equal(t, status, before.Status)
		for _, late := range []chatconnect.Status{"parsing", "storing", "failed", "cancelled"} {
			got, changed := b.advance(document, chatconnect.DocumentProgress{Status: late, Stage: "Late", Progress: 99, Error: failure})
			require.False(t, changed, "%s after %s", late, status)
			require.Equal(t, before, got)
		}
		got, err := b.store.CompleteBatch(t.Context(), b.client, revision(document), 7, 1)
		require.NoError(t, err)
		require.Equal(t, before, got, "a batch after %s", status)
		if status != chatconnect.StatusReady {
			_, err = b.store.Activate(t.Context(), b.client, revision(document), chatconnect.IngestionCost{})
			requireKind(t, chatconnect.KindConflict, "revision_closed", err)
		}
		_, changed := b.advance(document, chatconnect.DocumentProgress{Status: "deleting"})
		require.True(t, changed, "deleting after %s", status)
		_, changed = b.advance(document, chatconnect.DocumentProgress{Status: "failed"})
		require.False(t, changed, "nothing after deleting")
	}
}

func TestAFailureWithoutAReasonGetsOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got, changed := b.advance(b.newDocument(), chatconnect.DocumentProgress{Status: "failed"})
	require.True(t, changed)
	require.Equal(t, "internal", got.Error.Code)
	require.NotEmpty(t, got.Error.Message)
}

func TestABatchCountsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.newDocument()
	require.NoError(t, b.store.ReplaceChunks(t.Context(), b.client, revision(document), chunks(100)))
	complete := func(batch int) chatconnect.Document {
		got, err := b.store.CompleteBatch(t.Context(), b.client, revision(document), batch, 10)
		require.NoError(t, err)
		return got
	}
	got := complete(3)
	require.Equal(t, []int{100, 10, 27}, []int{got.ChunksTotal, got.ChunksDone, got.Progress})
	got = complete(3)
	require.Equal(t, []int{10, 27}, []int{got.ChunksDone, got.Progress})

	// All batches at once, each three times over.
	errs := make(chan error)
	for call := range 30 {
		go func() {
			_, err := b.store.CompleteBatch(context.WithoutCancel(t.Context()), b.client, revision(document), call%10, 10)
			errs <- err
		}()
	}
	for range 30 {
		require.NoError(t, <-errs)
	}
	got = complete(0)
	require.Equal(t, []int{100, 95}, []int{got.ChunksDone, got.Progress})

	superseded := chatconnect.Revision{DocumentID: document.ID, Version: 9}
	got, err := b.store.CompleteBatch(t.Context(), b.client, superseded, 0, 10)
	require.NoError(t, err)
	require.Equal(t, 100, got.ChunksDone)
	_, err = b.store.CompleteBatch(t.Context(), b.client, chatconnect.Revision{DocumentID: unknownID, Version: 1}, 0, 1)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestChunks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	rev := revision(document)
	list := chunks(25)
	list[3].Content = "NUL \x00 and \xff"
	list[4].Page, list[4].Row, list[4].Section = 0, 17, ""
	for range 2 { // a retry replaces
		require.NoError(t, b.store.ReplaceChunks(ctx, b.client, rev, list))
	}
	got, err := b.store.Chunks(ctx, b.client, rev, 0, 1000)
	require.NoError(t, err)
	require.Len(t, got, 25)
	list[3].Content = "NUL  and \uFFFD"
	for i, chunk := range got {
		list[i].DocumentID, list[i].Version = document.ID, 1
		require.Equal(t, list[i], chunk)
	}
	got, err = b.store.Chunks(ctx, b.client, rev, 10, 12)
	require.NoError(t, err)
	require.Equal(t, list[10:12], got)

	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, rev, chunks(2)))
	got, err = b.store.Chunks(ctx, b.client, rev, 0, 1000)
	require.NoError(t, err)
	require.Len(t, got, 2)
	read, err := b.store.Document(ctx, b.client, document.ID)
	require.NoError(t, err)
	require.Equal(t, 2, read.ChunksTotal)

	for range 2 {
		require.NoError(t, b.store.DeleteChunks(ctx, b.client, rev))
	}
	got, err = b.store.Chunks(ctx, b.client, rev, 0, 1000)
	require.NoError(t, err)
	require.Empty(t, got)
	require.ErrorIs(t, b.store.ReplaceChunks(ctx, b.client, chatconnect.Revision{DocumentID: unknownID, Version: 1}, list), chatconnect.ErrNotFound)
}

func TestTenThousandChunks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.newDocument()
	list := chunks(10_000)
	for i := range list {
		list[i].Content = fmt.Sprintf("%d %02000d", i, i)
	}
	began := time.Now()
	require.NoError(t, b.store.ReplaceChunks(t.Context(), b.client, revision(document), list))
	t.Logf("10,000 chunks of 2 KB stored in %v", time.Since(began))
	got, err := b.store.Chunks(t.Context(), b.client, revision(document), 9_999, 20_000)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, list[9_999].Content, got[0].Content)
}

func TestActivate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision(document), chunks(3)))
	require.Equal(t, chatconnect.Knowledge{Version: 0, Ready: 0, Inactive: []chatconnect.Revision{revision(document)}}, b.knowledge())

	got, err := b.store.Activate(ctx, b.client, revision(document), chatconnect.IngestionCost{})
	require.NoError(t, err)
	require.Equal(t, chatconnect.StatusReady, got.Status)
	require.Equal(t, []int{100, 3, 3, 1}, []int{got.Progress, got.ChunksDone, got.ChunksTotal, got.ActiveVersion})
	require.Equal(t, chatconnect.Knowledge{Version: 1, Ready: 1, Inactive: []chatconnect.Revision{}}, b.knowledge())

	again, err := b.store.Activate(ctx, b.client, revision(document), chatconnect.IngestionCost{})
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.EqualValues(t, 1, b.knowledge().Version, "repeating it raises nothing")

	_, err = b.store.Activate(ctx, b.client, chatconnect.Revision{DocumentID: unknownID, Version: 1}, chatconnect.IngestionCost{})
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.Activate(ctx, b.newClient(b.owner.ID).ID, revision(document), chatconnect.IngestionCost{})
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestReplacingKeepsTheOldVersionUntilTheNewIsReady(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	first := revision(document)
	second := chatconnect.Revision{DocumentID: document.ID, Version: 2}
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, first, chunks(3)))
	_, err := b.store.Activate(ctx, b.client, first, chatconnect.IngestionCost{})
	require.NoError(t, err)

	_, err = b.superuser().Exec(ctx, `UPDATE documents SET version = 2, status = 'queued', progress = 0, chunks_total = 0, chunks_done = 0`)
	require.NoError(t, err)
	require.Equal(t, chatconnect.Knowledge{Version: 1, Ready: 1, Inactive: []chatconnect.Revision{second}}, b.knowledge())
	_, changed := b.advance(document, chatconnect.DocumentProgress{Version: 1, Status: "failed"})
	require.False(t, changed, "the old version's workflow has nothing to say")
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, second, chunks(5)))
	require.Equal(t, chatconnect.Knowledge{Version: 1, Ready: 1, Inactive: []chatconnect.Revision{second}}, b.knowledge())

	got, err := b.store.Activate(ctx, b.client, second, chatconnect.IngestionCost{})
	require.NoError(t, err)
	require.Equal(t, 2, got.ActiveVersion)
	require.Equal(t, chatconnect.Knowledge{Version: 2, Ready: 1, Inactive: []chatconnect.Revision{first}}, b.knowledge(), "until its chunks are gone")
	_, err = b.store.Activate(ctx, b.client, first, chatconnect.IngestionCost{})
	requireKind(t, chatconnect.KindConflict, "revision_closed", err)
	require.NoError(t, b.store.DeleteChunks(ctx, b.client, first))
	require.Equal(t, chatconnect.Knowledge{Version: 2, Ready: 1, Inactive: []chatconnect.Revision{}}, b.knowledge())
	left, err := b.store.Chunks(ctx, b.client, second, 0, 10)
	require.NoError(t, err)
	require.Len(t, left, 5)
}

func TestDeletingHidesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision(document), chunks(3)))
	_, err := b.store.Activate(ctx, b.client, revision(document), chatconnect.IngestionCost{})
	require.NoError(t, err)
	b.advance(document, chatconnect.DocumentProgress{Status: "deleting"})
	require.Equal(t, chatconnect.Knowledge{Version: 2, Ready: 0, Inactive: []chatconnect.Revision{revision(document)}}, b.knowledge())

	require.NoError(t, b.store.DeleteDocument(ctx, b.client, document.ID))
	require.Equal(t, chatconnect.Knowledge{Version: 3, Ready: 0, Inactive: []chatconnect.Revision{}}, b.knowledge())
	require.ErrorIs(t, b.store.DeleteDocument(ctx, b.client, document.ID), chatconnect.ErrNotFound)
	require.Zero(t, query[int](b, `SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM document_revisions)`))

	idle := b.newDocument()
	require.NoError(t, b.store.DeleteDocument(ctx, b.client, idle.ID))
	require.EqualValues(t, 3, b.knowledge().Version, "search never saw it")
	_, err = b.store.Knowledge(ctx, unknownID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestPendingDocumentsOfAllClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	mine := b.newDocument()
	done := b.newDocument()
	b.advance(done, chatconnect.DocumentProgress{Status: "cancelled"})
	theirs, err := b.store.CreateDocument(ctx, b.newClient(b.owner.ID).ID, chatconnect.Document{Name: "b.txt", Type: "txt"})
	require.NoError(t, err)

	after := time.Now().Add(time.Minute)
	pending, err := b.store.PendingDocuments(ctx, after, 10)
	require.NoError(t, err)
	require.ElementsMatch(t, []chatconnect.Document{mine, theirs}, pending)
	pending, err = b.store.PendingDocuments(ctx, after, 1)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	pending, err = b.store.PendingDocuments(ctx, mine.UpdatedAt, 10)
	require.NoError(t, err)
	require.Empty(t, pending)

	var all []chatconnect.Document
	for last := (chatconnect.Document{}); ; last = all[len(all)-1] {
		page, err := b.store.DocumentsUnderWay(ctx, last.ClientID, last.ID, 1)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	require.ElementsMatch(t, []chatconnect.Document{mine, theirs}, all)
}

// Documents that wait for their turn hide neither another client's nor one of
// their own that has no workflow.
func TestPendingDocumentsAreHiddenBehindNoPile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const pile, limit = 50, 5
	ids := map[chatconnect.DocumentID]bool{}
	for range pile {
		ids[b.newDocument().ID] = true
	}
	theirs, err := b.store.CreateDocument(t.Context(), b.newClient(b.owner.ID).ID, chatconnect.Document{Name: "b.txt", Type: "txt"})
	require.NoError(t, err)
	// A document is missed by one draw with 1-4/50, by a thousand with 1e-36.
	for draw := 0; len(ids) > 0; draw++ {
		require.Less(t, draw, 1000)
		pending, err := b.store.PendingDocuments(t.Context(), time.Now().Add(time.Minute), limit)
		require.NoError(t, err)
		require.Len(t, pending, limit)
		require.Contains(t, pending, theirs, "clients take turns")
		for _, document := range pending {
			delete(ids, document.ID)
		}
	}
}
