package postgres

import (
	"context"
	"slices"
	"time"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/internal/postgres/sqlcgen"
)

// chunksPerInsert keeps a statement at about 2 MB.
const chunksPerInsert = 1000

// ReplaceChunks also sets the document's ChunksTotal, and forgets the batches
// counted for the chunks it replaces. The chunks' own DocumentID and Version
// are not looked at.
func (s *Store) ReplaceChunks(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, chunks []chatconnect.Chunk) error {
	if err := checkID(revision.DocumentID); err != nil {
		return err
	}
	return s.inTenant(ctx, client, func(q *sqlcgen.Queries) error {
		err := q.PutRevision(ctx, sqlcgen.PutRevisionParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version, Chunks: len(chunks),
		})
		if err != nil {
			return err
		}
		err = q.ClearChunks(ctx, sqlcgen.ClearChunksParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil {
			return err
		}
		err = q.ClearBatches(ctx, sqlcgen.ClearBatchesParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil {
			return err
		}
		for part := range slices.Chunk(chunks, chunksPerInsert) {
			if err := q.InsertChunks(ctx, chunkColumns(client, revision, part)); err != nil {
				return err
			}
		}
		return q.SetChunksTotal(ctx, sqlcgen.SetChunksTotalParams{
			ClientID: client, ID: revision.DocumentID, Version: revision.Version, ChunksTotal: len(chunks),
		})
	})
}

// AddEmbeddingUsage implements chatconnect.DocumentStore.
func (s *Store) AddEmbeddingUsage(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, spent chatconnect.Completion) error {
	if err := checkID(revision.DocumentID); err != nil {
		return err
	}
	return s.inTenant(ctx, client, func(q *sqlcgen.Queries) error {
		err := q.AddEmbeddingTokens(ctx, sqlcgen.AddEmbeddingTokensParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version, Tokens: int64(spent.Usage.InputTokens),
		})
		if err != nil {
			return err
		}
		return q.AddUsage(ctx, usageParams(client, time.Now(), spent))
	})
}

func chunkColumns(client chatconnect.ClientID, revision chatconnect.Revision, chunks []chatconnect.Chunk) sqlcgen.InsertChunksParams {
	columns := sqlcgen.InsertChunksParams{
		ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		Indexes: make([]int, len(chunks)), Contents: make([]string, len(chunks)), Tokens: make([]int, len(chunks)),
		Pages: make([]int, len(chunks)), Rows: make([]int, len(chunks)), Sections: make([]string, len(chunks)),
	}
	for i, chunk := range chunks {
		columns.Indexes[i], columns.Contents[i], columns.Tokens[i] = chunk.Index, clean(chunk.Content), chunk.Tokens
		columns.Pages[i], columns.Rows[i], columns.Sections[i] = chunk.Page, chunk.Row, clip(chunk.Section, 2000)
	}
	return columns
}

func (s *Store) Chunks(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision, from, to int) ([]chatconnect.Chunk, error) {
	queries, err := s.tenant(client)
	if err != nil {
		return nil, err
	}
	if err := checkID(revision.DocumentID); err != nil {
		return nil, err
	}
	rows, err := queries.Chunks(ctx, sqlcgen.ChunksParams{
		ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version, FromIndex: from, ToIndex: to,
	})
	if err != nil {
		return nil, storeError(err)
	}
	chunks := make([]chatconnect.Chunk, len(rows))
	for i, row := range rows {
		chunks[i] = chatconnect.Chunk{
			DocumentID: row.DocumentID, Version: row.Version, Index: row.ChunkIndex, Content: row.Content,
			Tokens: row.Tokens, Page: row.Page, Row: row.Row, Section: row.Section,
		}
	}
	return chunks, nil
}

// DeleteChunks removes a revision's chunks and counted batches; there being
// none is no error. If search saw the revision, the knowledge version rises.
func (s *Store) DeleteChunks(ctx context.Context, client chatconnect.ClientID, revision chatconnect.Revision) error {
	if err := checkID(revision.DocumentID); err != nil {
		return err
	}
	return s.inTenant(ctx, client, func(q *sqlcgen.Queries) error {
		err := q.ClearBatches(ctx, sqlcgen.ClearBatchesParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil {
			return err
		}
		active, err := q.DeleteRevision(ctx, sqlcgen.DeleteRevisionParams{
			ClientID: client, DocumentID: revision.DocumentID, Version: revision.Version,
		})
		if err != nil || !slices.Contains(active, true) {
			return err
		}
		return q.RaiseKnowledgeVersion(ctx, client)
	})
}
