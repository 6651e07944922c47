-- name: CreateDocument :one
INSERT INTO documents (client_id, id, name, size, type, version, status, stage, sha256, blob_key, workflow_id, stages)
VALUES (@client_id, @id, @name, @size, @type, @version, @status, @stage, @sha256, @blob_key, @workflow_id, stages_begin('[]', @status::text))
RETURNING *;

-- name: Document :one
SELECT * FROM documents WHERE client_id = @client_id AND id = @id;

-- Documents reads a page of those older than (before, before_id).
-- name: Documents :many
SELECT * FROM documents
WHERE client_id = @client_id AND (created_at, id) < (@before::timestamptz, @before_id::uuid)
ORDER BY created_at DESC, id DESC
LIMIT @max_rows::integer;

-- name: DeleteDocument :one
DELETE FROM documents WHERE client_id = @client_id AND id = @id
RETURNING active_version;

-- AdvanceDocument moves a version forward, never back: a step that arrives
-- late keeps the higher progress and the later status with its stage. It
-- returns no row if nothing changes, because the step is old news, the version
-- is superseded, or its ingestion has ended. A ready document may only begin
-- to be deleted, which hides it from search at once.
-- name: AdvanceDocument :one
WITH hidden AS (
    UPDATE clients SET knowledge_version = knowledge_version + 1
    WHERE clients.id = @client_id AND @status::text = 'deleting' AND EXISTS (
        SELECT FROM documents d
        WHERE d.client_id = @client_id AND d.id = @id AND d.version = @version
          AND d.status <> 'deleting' AND d.active_version > 0)
)
UPDATE documents AS doc SET
    status = CASE WHEN document_status_rank(@status::text) >= document_status_rank(doc.status)
                  THEN @status::text ELSE doc.status END,
    stage = CASE WHEN document_status_rank(@status::text) >= document_status_rank(doc.status) AND @stage::text <> ''
                 THEN @stage::text ELSE doc.stage END,
    progress = GREATEST(doc.progress, @progress::integer),
    chunks_total = CASE WHEN @chunks_total::integer > 0 THEN @chunks_total::integer ELSE doc.chunks_total END,
    chunks_done = GREATEST(doc.chunks_done, @chunks_done::integer),
    error_code = COALESCE(sqlc.narg(error_code)::text, doc.error_code),
    error_message = COALESCE(sqlc.narg(error_message)::text, doc.error_message),
    stages = CASE WHEN document_status_rank(@status::text) > document_status_rank(doc.status) THEN stages_begin(doc.stages, @status::text)
                  WHEN @stage_ended::boolean AND @status::text = doc.status THEN stages_end(doc.stages)
                  ELSE doc.stages END,
    updated_at = now()
WHERE doc.client_id = @client_id AND doc.id = @id AND doc.version = @version
  AND (document_status_rank(doc.status) < 6 OR (@status::text = 'deleting' AND doc.status <> 'deleting'))
  AND (document_status_rank(@status::text) > document_status_rank(doc.status)
       OR (@status::text = doc.status AND @stage::text NOT IN ('', doc.stage))
       OR @progress::integer > doc.progress
       OR (@chunks_total::integer > 0 AND @chunks_total::integer <> doc.chunks_total)
       OR @chunks_done::integer > doc.chunks_done)
RETURNING doc.*;

-- CountBatch counts a batch of an open version once, and lets the document
-- follow: stored chunks are 20 to 95 percent of the way. It returns no row if
-- nothing changes.
-- name: CountBatch :one
WITH counted AS (
    INSERT INTO document_batches (client_id, document_id, version, batch, chunks)
    SELECT d.client_id, d.id, d.version, @batch::integer, @chunks::integer
    FROM documents d
    WHERE d.client_id = @client_id AND d.id = @id AND d.version = @version AND document_status_rank(d.status) < 6
    ON CONFLICT DO NOTHING
    RETURNING document_batches.chunks
)
UPDATE documents AS doc SET
    chunks_done = GREATEST(doc.chunks_done, LEAST(doc.chunks_done + counted.chunks, doc.chunks_total)),
    progress = GREATEST(doc.progress, 20 + (75::bigint * LEAST(doc.chunks_done + counted.chunks, doc.chunks_total)
                                            / GREATEST(doc.chunks_total, 1))::integer),
    updated_at = now()
FROM counted
WHERE doc.client_id = @client_id AND doc.id = @id AND doc.version = @version
  AND document_status_rank(doc.status) < 6
RETURNING doc.*;

-- ActivateDocument returns no row if the version is superseded, was ended
-- otherwise, or is active already.
-- name: ActivateDocument :one
UPDATE documents SET
    name = COALESCE(replacement->>'name', name), size = COALESCE((replacement->>'size')::bigint, size),
    type = COALESCE(replacement->>'type', type), sha256 = COALESCE(replacement->>'sha256', sha256),
    blob_key = COALESCE(replacement->>'blobKey', blob_key), replacement = NULL,
    active_version = version, status = 'ready', stage = 'Ready', progress = 100,
    chunks_done = chunks_total, error_code = NULL, error_message = NULL,
    stages = stages_begin(stages, 'ready'), updated_at = now()
WHERE client_id = @client_id AND id = @id AND version = @version AND document_status_rank(status) < 6
RETURNING *;

-- RecordIngestion keeps what a version cost, once. What was spent on its
-- embedding has been counted in its revision.
-- name: RecordIngestion :exec
INSERT INTO ingestion_usage (client_id, document_id, version, file_type, bytes, chunks, tokens,
                             embedding_tokens, embedding_model, queued_ms, parse_ms, chunk_ms, embed_ms, total_ms)
VALUES (@client_id, @document_id, @version, @file_type, @bytes, @chunks, @tokens,
        COALESCE((SELECT r.embedding_tokens FROM document_revisions r
                  WHERE r.client_id = @client_id AND r.document_id = @document_id AND r.version = @version), 0),
        @embedding_model, @queued_ms, @parse_ms, @chunk_ms, @embed_ms, @total_ms)
ON CONFLICT DO NOTHING;

-- DeactivateRevisions and ActivateRevision are two statements because one
-- that swaps the flag would for a moment have two active rows.
-- name: DeactivateRevisions :exec
UPDATE document_revisions SET active = false
WHERE client_id = @client_id AND document_id = @document_id AND version <> @version AND active;

-- name: ActivateRevision :exec
UPDATE document_revisions SET active = true
WHERE client_id = @client_id AND document_id = @document_id AND version = @version;

-- Knowledge is one statement, so it is read in one snapshot: versions still
-- being ingested, failed or cancelled, old ones not yet removed, and all of a
-- document that is being deleted.
-- name: Knowledge :one
SELECT
    clients.knowledge_version,
    (SELECT count(*) FROM documents d
     WHERE d.client_id = clients.id AND d.active_version > 0 AND d.status <> 'deleting')::integer AS ready,
    COALESCE((
        SELECT jsonb_agg(jsonb_build_object('documentId', h.id, 'version', h.version) ORDER BY h.id, h.version)
        FROM (SELECT d.id, d.version FROM documents d
              WHERE d.client_id = clients.id AND (d.version <> d.active_version OR d.status = 'deleting')
              UNION
              SELECT d.id, d.active_version FROM documents d
              WHERE d.client_id = clients.id AND d.status = 'deleting' AND d.active_version > 0
              UNION
              SELECT r.document_id, r.version FROM document_revisions r
              WHERE r.client_id = clients.id AND NOT r.active) h), '[]')::jsonb AS inactive
FROM clients WHERE clients.id = @client_id;

-- DocumentByContent finds what an upload of the same content would repeat:
-- the conditions are those of the index documents_content.
-- name: DocumentByContent :one
SELECT * FROM documents
WHERE client_id = @client_id AND sha256 = @sha256::text AND sha256 <> ''
  AND status NOT IN ('failed', 'cancelled', 'deleting');

-- RetryDocument begins the same version again. What the failed attempt left
-- was removed before it was called failed, if the stores let it be; what was not
-- is written over or removed by this attempt.
-- name: RetryDocument :one
UPDATE documents SET
    status = 'queued', stage = @stage, progress = 0, chunks_total = 0, chunks_done = 0,
    error_code = NULL, error_message = NULL, stages = stages_begin('[]', 'queued'), updated_at = now()
WHERE client_id = @client_id AND id = @id AND status IN ('failed', 'cancelled')
RETURNING *;

-- name: FailedDocuments :many
SELECT * FROM documents
WHERE client_id = @client_id AND status = 'failed'
ORDER BY created_at, id
LIMIT @max_rows::integer;

-- ReserveVersion gives out a number that no version has had. Nothing else
-- changes: the file has to be stored under it first.
-- name: ReserveVersion :one
UPDATE documents SET last_version = GREATEST(last_version, version) + 1
WHERE client_id = @client_id AND id = @id AND status IN ('ready', 'failed', 'cancelled')
RETURNING last_version;

-- ReplaceDocument queues a reserved version. Without a version that search
-- sees, the new file takes the place of the old at once.
-- name: ReplaceDocument :one
UPDATE documents AS doc SET
    version = @version, status = 'queued', stage = @stage, progress = 0, chunks_total = 0, chunks_done = 0,
    error_code = NULL, error_message = NULL, workflow_id = @workflow_id,
    stages = stages_begin('[]', 'queued'), updated_at = now(),
    replacement = CASE WHEN doc.active_version > 0 THEN @replacement::jsonb END,
    name = CASE WHEN doc.active_version > 0 THEN doc.name ELSE @name::text END,
    size = CASE WHEN doc.active_version > 0 THEN doc.size ELSE @size::bigint END,
    type = CASE WHEN doc.active_version > 0 THEN doc.type ELSE @type::text END,
    sha256 = CASE WHEN doc.active_version > 0 THEN doc.sha256 ELSE @sha256::text END,
    blob_key = CASE WHEN doc.active_version > 0 THEN doc.blob_key ELSE @blob_key::text END
WHERE doc.client_id = @client_id AND doc.id = @id AND doc.version < @version
  AND doc.status IN ('ready', 'failed', 'cancelled')
RETURNING doc.*;

-- RollBackDocument gives up a version beside the one that search sees: the
-- document is ready as it was, and says why the new version is not.
-- name: RollBackDocument :one
UPDATE documents AS doc SET
    status = 'ready', stage = 'Ready', progress = 100, chunks_total = old.chunks, chunks_done = old.chunks,
    error_code = @error_code::text, error_message = @error_message::text, replacement = NULL,
    stages = stages_begin(doc.stages, 'failed'), updated_at = now()
FROM document_revisions old
WHERE doc.client_id = @client_id AND doc.id = @id AND doc.version = @version
  AND doc.active_version > 0 AND doc.active_version <> doc.version AND document_status_rank(doc.status) < 6
  AND old.client_id = doc.client_id AND old.document_id = doc.id AND old.version = doc.active_version
RETURNING doc.*;
