package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
)

// TestActiveRevisionsOfAllClients pages over what search sees, and nothing
// else.
func TestActiveRevisionsOfAllClients(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	ready := func(chunks int) chatconnect.ActiveRevision {
		document := b.newDocument()
		revision := chatconnect.Revision{DocumentID: document.ID, Version: 1}
		contents := make([]chatconnect.Chunk, chunks)
		for i := range contents {
			contents[i] = chatconnect.Chunk{Index: i, Content: "text"}
		}
		require.NoError(t, b.store.ReplaceChunks(ctx, b.client, revision, contents))
		_, err := b.store.Activate(ctx, b.client, revision, chatconnect.IngestionCost{Chunks: chunks})
		require.NoError(t, err)
		return chatconnect.ActiveRevision{ClientID: b.client, Revision: revision, Chunks: chunks}
	}
	first, second, deleting := ready(2), ready(3), ready(5)
	waiting := b.newDocument()
	require.NoError(t, b.store.ReplaceChunks(ctx, b.client, chatconnect.Revision{DocumentID: waiting.ID, Version: 1}, []chatconnect.Chunk{{Content: "text"}}))
	b.advance(chatconnect.Document{ID: deleting.DocumentID}, chatconnect.DocumentProgress{Status: chatconnect.StatusDeleting})
	mine := b.client
	b.client = b.newClient(b.owner.ID).ID
	theirs := ready(7)
	b.client = b.newClient(b.owner.ID).ID
	ready(11)
	require.NoError(t, b.store.BeginPurge(ctx, b.client, b.owner.ID))

	documents, chunks, err := b.store.ActiveTotals(ctx)
	require.NoError(t, err)
	require.Equal(t, []int{3, 12}, []int{documents, chunks})

	var seen []chatconnect.ActiveRevision
	var after chatconnect.ActiveRevision
	for {
		page, err := b.store.ActiveRevisions(ctx, after.ClientID, after.DocumentID, 1)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		require.Len(t, page, 1)
		after = page[0]
		seen = append(seen, after)
	}
	require.ElementsMatch(t, []chatconnect.ActiveRevision{first, second, theirs}, seen)
	page, err := b.store.ActiveRevisions(ctx, "", "", 10)
	require.NoError(t, err)
	require.Equal(t, seen, page)
	if seen[0].ClientID == mine {
		require.Equal(t, mine, seen[1].ClientID, "client by client")
	}
}
