-- PutRevision creates the row that stands for a revision's chunks, and locks
-- it: replacing the same revision twice at once happens one after the other.
-- name: PutRevision :exec
INSERT INTO document_revisions (client_id, document_id, version, chunks)
VALUES (@client_id, @document_id, @version, @chunks)
ON CONFLICT (client_id, document_id, version) DO UPDATE SET chunks = excluded.chunks;

-- AddEmbeddingTokens counts for the revision; AddUsage does for the client.
-- name: AddEmbeddingTokens :exec
UPDATE document_revisions SET embedding_tokens = embedding_tokens + @tokens::bigint
WHERE client_id = @client_id AND document_id = @document_id AND version = @version;

-- name: ClearChunks :exec
DELETE FROM chunks WHERE client_id = @client_id AND document_id = @document_id AND version = @version;

-- name: ClearBatches :exec
DELETE FROM document_batches WHERE client_id = @client_id AND document_id = @document_id AND version = @version;

-- InsertChunks takes columns as arrays of one length: COPY is refused on
-- tables with row level security.
-- name: InsertChunks :exec
INSERT INTO chunks (client_id, document_id, version, chunk_index, content, tokens, page, row, section)
SELECT @client_id, @document_id, @version, unnest(@indexes::integer[]), unnest(@contents::text[]),
       unnest(@tokens::integer[]), unnest(@pages::integer[]), unnest(@rows::integer[]), unnest(@sections::text[]);

-- name: Chunks :many
SELECT * FROM chunks
WHERE client_id = @client_id AND document_id = @document_id AND version = @version
  AND chunk_index >= @from_index AND chunk_index < @to_index
ORDER BY chunk_index;

-- DeleteRevision takes the chunks with it.
-- name: DeleteRevision :many
DELETE FROM document_revisions
WHERE client_id = @client_id AND document_id = @document_id AND version = @version
RETURNING active;

-- SetChunksTotal tells the reader how many chunks there are to store.
-- name: SetChunksTotal :exec
UPDATE documents SET chunks_total = @chunks_total, updated_at = now()
WHERE client_id = @client_id AND id = @id AND version = @version AND document_status_rank(status) < 6;
