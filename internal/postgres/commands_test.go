package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

func TestRetryBeginsTheVersionAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	for _, status := range []chatconnect.Status{"failed", "cancelled"} {
		document := b.newDocument()
		_, err := b.store.RetryDocument(ctx, b.client, document.ID)
		require.ErrorIs(t, err, chatconnect.ErrNotRetryable)
		b.advance(document, chatconnect.DocumentProgress{
			Status: status, Stage: "Broken", Progress: 40, ChunksTotal: 10, ChunksDone: 4,
			Error: &chatconnect.DocumentError{Code: "document_corrupt", Message: "The file is damaged."},
		})
		retried, err := b.store.RetryDocument(ctx, b.client, document.ID)
		require.NoError(t, err)
		require.Equal(t, chatconnect.StatusQueued, retried.Status)
		require.Equal(t, document.Version, retried.Version)
		require.Zero(t, retried.Progress+retried.ChunksTotal+retried.ChunksDone)
		require.Nil(t, retried.Error)
		_, err = b.store.RetryDocument(ctx, b.client, document.ID)
		require.ErrorIs(t, err, chatconnect.ErrNotRetryable, "one of two wins")
	}
	_, err := b.store.RetryDocument(ctx, b.client, unknownID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.RetryDocument(ctx, b.newClient(b.owner.ID).ID, b.newDocument().ID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}

func TestOneContentIsOneDocument(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	create := func(client chatconnect.ClientID) (chatconnect.Document, error) {
		return b.store.CreateDocument(ctx, client, chatconnect.Document{Name: "a.txt", Type: "txt", SHA256: sum("same")})
	}
	var mu sync.Mutex
	var created []chatconnect.Document
	var racing sync.WaitGroup
	for range 10 {
		racing.Go(func() {
			document, err := create(b.client)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				created = append(created, document)
			} else {
				require.ErrorIs(t, err, chatconnect.ErrDuplicate)
			}
		})
	}
	racing.Wait()
	require.Len(t, created, 1)
	first := created[0]
	found, err := b.store.DocumentByContent(ctx, b.client, sum("same"))
	require.NoError(t, err)
	require.Equal(t, first, found)
	for _, nothing := range []string{"", sum("other")} {
		_, err = b.store.DocumentByContent(ctx, b.client, nothing)
		require.ErrorIs(t, err, chatconnect.ErrNotFound)
	}
	_, err = create(b.newClient(b.owner.ID).ID)
	require.NoError(t, err, "another client's content is another thing")

	b.advance(first, chatconnect.DocumentProgress{Status: "failed"})
	_, err = b.store.DocumentByContent(ctx, b.client, sum("same"))
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	second, err := create(b.client)
	require.NoError(t, err, "what failed may be uploaded anew")
	_, err = b.store.RetryDocument(ctx, b.client, first.ID)
	require.ErrorIs(t, err, chatconnect.ErrDuplicate, "and is then not tried again")
	b.advance(second, chatconnect.DocumentProgress{Status: "deleting"})
	_, err = b.store.RetryDocument(ctx, b.client, first.ID)
	require.NoError(t, err)
}

func TestFailedDocumentsOfAClient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.newDocument(), b.newDocument()
	b.advance(b.newDocument(), chatconnect.DocumentProgress{Status: "cancelled"})
	for _, document := range []chatconnect.Document{second, first} {
		b.advance(document, chatconnect.DocumentProgress{Status: "failed"})
	}
	failed, err := b.store.FailedDocuments(t.Context(), b.client, 10)
	require.NoError(t, err)
	require.Len(t, failed, 2)
	require.Equal(t, []chatconnect.DocumentID{first.ID, second.ID}, []chatconnect.DocumentID{failed[0].ID, failed[1].ID})
	failed, err = b.store.FailedDocuments(t.Context(), b.client, 1)
	require.NoError(t, err)
	require.Len(t, failed, 1)
}

func TestDeletionsArePending(t *testing.T) {
	t.Parallel()
	b := setup(t)
	document := b.newDocument()
	b.advance(document, chatconnect.DocumentProgress{Status: "failed"})
	after := time.Now().Add(time.Minute)
	pending, err := b.store.PendingDocuments(t.Context(), after, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
	b.advance(document, chatconnect.DocumentProgress{Status: "deleting"})
	pending, err = b.store.PendingDocuments(t.Context(), after, 10)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, chatconnect.StatusDeleting, pending[0].Status)
}

func TestPurgeLeavesNothingButItsRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	other := b.newClient(b.newUser().ID).ID
	fill := func(client chatconnect.ClientID) {
		fillEveryTable(b, client)
		_, err := b.superuser().Exec(ctx, `DELETE FROM client_purges WHERE client_id = $1`, string(client))
		require.NoError(t, err)
	}
	fill(b.client)
	fill(other)
	token := "pk_live_" + string(b.client)
	_, err := b.store.CreateKey(ctx, b.client, chatconnect.APIKey{Kind: "publishable", Name: "x", Prefix: "pk", Token: token}, hashOf(token))
	require.NoError(t, err)
	stranger := b.newUser().ID
	admin := b.newUser().ID
	_, err = b.superuser().Exec(ctx, `INSERT INTO memberships VALUES ($1, $2, 'admin')`, string(b.client), string(admin))
	require.NoError(t, err)

	require.ErrorIs(t, b.store.BeginPurge(ctx, b.client, stranger), chatconnect.ErrNotFound)
	require.ErrorIs(t, b.store.BeginPurge(ctx, b.client, admin), chatconnect.ErrForbidden)
	require.NoError(t, b.store.PurgeRows(ctx, other), "what nobody asked to be deleted …")
	_, err = b.store.Client(ctx, other)
	require.NoError(t, err, "… stays")

	for range 2 {
		require.NoError(t, b.store.BeginPurge(ctx, b.client, b.owner.ID))
	}
	_, err = b.store.KeyOwner(ctx, hashOf(token))
	require.ErrorIs(t, err, chatconnect.ErrAPIKeyInvalid)
	_, err = b.store.Client(ctx, b.client)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	_, err = b.store.Role(ctx, b.client, b.owner.ID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
	clients, err := b.store.Clients(ctx, b.owner.ID)
	require.NoError(t, err)
	require.Empty(t, clients)
	after := time.Now().Add(time.Minute)
	pending, err := b.store.PendingPurges(ctx, after, 10)
	require.NoError(t, err)
	require.Equal(t, []chatconnect.ClientID{b.client}, pending)
	documents, err := b.store.PendingDocuments(ctx, after, 10)
	require.NoError(t, err)
	for _, document := range documents {
		require.NotEqual(t, b.client, document.ClientID, "the purge sees to it")
	}

	before, err := b.store.ClientRows(ctx, b.client)
	require.NoError(t, err)
	counted := 0
	for _, table := range tenantTables(b) {
		if table.name != "client_purges" {
			rows := query[int](b, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, table.name, table.column), string(b.client))
			require.Positive(t, rows, table.name)
			counted += rows
		}
	}
	require.Equal(t, counted, before, "every table is counted")
	for _, n := range []int{before, 1} { // repeated: the first count stays
		require.NoError(t, b.store.RecordPurge(ctx, b.client, map[string]int{"rows": n}))
	}
	for range 2 {
		require.NoError(t, b.store.PurgeRows(ctx, b.client))
	}
	left, err := b.store.ClientRows(ctx, b.client)
	require.NoError(t, err)
	require.Zero(t, left)
	for _, table := range tenantTables(b) {
		if table.name != "client_purges" {
			require.Zero(t, query[int](b, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, table.name, table.column), string(b.client)), table.name)
			require.Positive(t, query[int](b, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, table.name, table.column), string(other)), table.name)
		}
	}
	require.NoError(t, b.store.FinishPurge(ctx, b.client))
	pending, err = b.store.PendingPurges(ctx, after, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
	require.Equal(t, before, query[int](b, `SELECT (removed->>'rows')::int FROM client_purges WHERE client_id = $1 AND finished_at IS NOT NULL AND user_id = $2`,
		string(b.client), string(b.owner.ID)))
	require.ErrorIs(t, b.store.BeginPurge(ctx, b.client, b.owner.ID), chatconnect.ErrNotFound)
}

func TestReplaceBesideTheActiveVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	_, err := b.store.ReserveVersion(ctx, b.client, document.ID)
	require.ErrorIs(t, err, chatconnect.ErrBusy)
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision(document), chunks(3)))
	active, err := b.store.Activate(ctx, b.client, revision(document), chatconnect.IngestionCost{})
	require.NoError(t, err)

	// Two reserve a version, the first to be stored wins.
	var versions [2]int
	for i := range versions {
		versions[i], err = b.store.ReserveVersion(ctx, b.client, document.ID)
		require.NoError(t, err)
	}
	require.Equal(t, [2]int{2, 3}, versions)
	second := chatconnect.Revision{DocumentID: document.ID, Version: 3}
	file := chatconnect.File{Name: "new.csv", Size: 7, Type: "csv", SHA256: sum("new"), BlobKey: "k3"}
	queued, err := b.store.ReplaceDocument(ctx, b.client, second, file, "w3")
	require.NoError(t, err)
	require.Equal(t, chatconnect.StatusQueued, queued.Status)
	require.Equal(t, 3, queued.Version)
	require.Equal(t, 1, queued.ActiveVersion)
	require.Equal(t, document.Name, queued.Name, "what is searched is still the old file")
	require.Equal(t, &file, queued.Replacement)
	_, err = b.store.ReplaceDocument(ctx, b.client, chatconnect.Revision{DocumentID: document.ID, Version: 2}, file, "w2")
	require.ErrorIs(t, err, chatconnect.ErrBusy)
	require.Equal(t, chatconnect.Knowledge{Version: 1, Ready: 1, Inactive: []chatconnect.Revision{second}}, b.knowledge())

	// It comes to nothing: everything is as before, but for the error.
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, second, chunks(5)))
	b.advance(queued, chatconnect.DocumentProgress{Version: 3, Status: "embedding", Progress: 50})
	require.NoError(t, b.store.DeleteChunks(ctx, b.client, second))
	reason := chatconnect.DocumentError{Code: "document_scanned", Message: "No text."}
	back, changed, err := b.store.RollBack(ctx, b.client, second, reason)
	require.NoError(t, err)
	require.True(t, changed)
	want := active
	want.Version, want.WorkflowID, want.Error, want.UpdatedAt = 3, "w3", &reason, back.UpdatedAt
	want.Stages = back.Stages // of the attempt
	require.Equal(t, want, back)
	_, changed, err = b.store.RollBack(ctx, b.client, second, reason)
	require.NoError(t, err)
	require.False(t, changed)

	// A late writer of the abandoned version stays unseen during the next one
	// and after it, and the number is not given out again.
	version, err := b.store.ReserveVersion(ctx, b.client, document.ID)
	require.NoError(t, err)
	require.Equal(t, 4, version)
	third := chatconnect.Revision{DocumentID: document.ID, Version: 4}
	_, err = b.store.ReplaceDocument(ctx, b.client, third, file, "w4")
	require.NoError(t, err)
	require.Equal(t, []chatconnect.Revision{second, third}, b.knowledge().Inactive)
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, third, chunks(2)))
	ready, err := b.store.Activate(ctx, b.client, third, chatconnect.IngestionCost{})
	require.NoError(t, err)
	require.Equal(t, chatconnect.File{Name: ready.Name, Size: ready.Size, Type: ready.Type, SHA256: ready.SHA256, BlobKey: ready.BlobKey}, file)
	require.Nil(t, ready.Error)
	require.Nil(t, ready.Replacement)
	require.Equal(t, []chatconnect.Revision{revision(document), second}, b.knowledge().Inactive)
	require.NoError(t, b.store.DeleteChunks(ctx, b.client, revision(document)))
	require.Equal(t, []chatconnect.Revision{second}, b.knowledge().Inactive)
}

func TestReplaceOfWhatFailedTakesItsPlaceAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	document := b.newDocument()
	b.advance(document, chatconnect.DocumentProgress{Status: "failed"})
	version, err := b.store.ReserveVersion(ctx, b.client, document.ID)
	require.NoError(t, err)
	next := chatconnect.Revision{DocumentID: document.ID, Version: version}
	file := chatconnect.File{Name: "new.csv", Size: 7, Type: "csv", SHA256: sum("new"), BlobKey: "k2"}
	queued, err := b.store.ReplaceDocument(ctx, b.client, next, file, "w2")
	require.NoError(t, err)
	require.Equal(t, "new.csv", queued.Name)
	require.Nil(t, queued.Replacement)
	require.Nil(t, queued.Error)
	_, changed, err := b.store.RollBack(ctx, b.client, next, chatconnect.DocumentError{Code: "x", Message: "x"})
	require.NoError(t, err)
	require.False(t, changed, "there is nothing to go back to")

	b.advance(queued, chatconnect.DocumentProgress{Version: version, Status: "deleting"})
	_, err = b.store.ReserveVersion(ctx, b.client, document.ID)
	require.ErrorIs(t, err, chatconnect.ErrBeingDeleted)
	_, err = b.store.ReserveVersion(ctx, b.client, unknownID)
	require.ErrorIs(t, err, chatconnect.ErrNotFound)
}
