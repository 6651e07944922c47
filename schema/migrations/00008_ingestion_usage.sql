-- +goose Up
-- What the ingestion of a version cost, and how long its stages took.

-- The stages a document's newest version has gone through, in their order:
-- [{"name": "parse", "startedAt": …, "ms": 412}, …], without ms while one runs.
-- The database's clock measures all of them, because they may run on different
-- machines; and it is written along with the status, at no extra cost.
ALTER TABLE documents ADD COLUMN stages jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(stages) = 'array');

-- The stage that a status is part of; none once ingestion has ended.
CREATE FUNCTION document_stage(status text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE status
        WHEN 'uploading' THEN 'upload' WHEN 'queued' THEN 'queue' WHEN 'parsing' THEN 'parse'
        WHEN 'chunking' THEN 'chunk' WHEN 'embedding' THEN 'embed' WHEN 'storing' THEN 'activate' END;

-- The last stage has ended. One that ended before ran again, because a worker
-- died before it could say so, and took until now.
CREATE FUNCTION stages_end(stages jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_array_length(stages) = 0 THEN stages
        ELSE jsonb_set(stages, '{-1,ms}', to_jsonb(GREATEST(0,
            floor(extract(epoch FROM now() - (stages->-1->>'startedAt')::timestamptz) * 1000))::bigint)) END;

-- The status is entered: the stage before it ends, unless it has, and the one
-- it is part of begins.
CREATE FUNCTION stages_begin(stages jsonb, status text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN stages->-1 ? 'ms' THEN stages ELSE stages_end(stages) END
        || CASE WHEN document_stage(status) IS NULL THEN '[]'::jsonb
                ELSE jsonb_build_array(jsonb_build_object('name', document_stage(status), 'startedAt', now())) END;

-- One row for each version that became ready, written by the transaction that
-- made it so. It has no foreign key to documents: the work was done and the
-- provider was paid, so deleting a document must not lower what its client
-- used. It goes with the client, of whom nothing is kept but the purge itself.
CREATE TABLE ingestion_usage (
    client_id        uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    document_id      uuid NOT NULL,
    version          integer NOT NULL CHECK (version >= 1),
    file_type        text NOT NULL CHECK (file_type IN ('pdf', 'docx', 'txt', 'csv')),
    bytes            bigint NOT NULL CHECK (bytes >= 0), -- of the file
    chunks           integer NOT NULL CHECK (chunks >= 0),
    tokens           bigint NOT NULL CHECK (tokens >= 0), -- of the chunks, cl100k_base
    embedding_tokens bigint NOT NULL CHECK (embedding_tokens >= 0), -- the provider's count; none for cached vectors
    embedding_model  text NOT NULL CHECK (char_length(embedding_model) <= 200),
    -- Milliseconds by the clock on the wall. queued_ms is the time in none of
    -- the stages: before the first and waiting for a turn in between.
    queued_ms        bigint NOT NULL CHECK (queued_ms >= 0),
    parse_ms         bigint NOT NULL CHECK (parse_ms >= 0),
    chunk_ms         bigint NOT NULL CHECK (chunk_ms >= 0),
    embed_ms         bigint NOT NULL CHECK (embed_ms >= 0),
    total_ms         bigint NOT NULL CHECK (total_ms >= 0), -- from queued to ready
    finished_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, document_id, version)
);
CREATE INDEX ingestion_usage_recent ON ingestion_usage (client_id, finished_at DESC);

ALTER TABLE ingestion_usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingestion_usage FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ingestion_usage USING (client_id = app_client()) WITH CHECK (client_id = app_client());
GRANT SELECT, INSERT, UPDATE, DELETE ON ingestion_usage TO chatconnect_app;
