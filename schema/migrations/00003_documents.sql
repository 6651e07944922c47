-- +goose Up
-- Documents, their revisions, and the chunks of each revision.

-- How far a status is on its way. Progress never moves to a lower rank; from
-- 6 on ingestion has ended, and only deleting may follow.
CREATE FUNCTION document_status_rank(status text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE status
        WHEN 'uploading' THEN 0 WHEN 'queued' THEN 1 WHEN 'parsing' THEN 2 WHEN 'chunking' THEN 3
        WHEN 'embedding' THEN 4 WHEN 'storing' THEN 5
        WHEN 'ready' THEN 6 WHEN 'failed' THEN 6 WHEN 'cancelled' THEN 6
        WHEN 'deleting' THEN 7 END;

CREATE TABLE documents (
    client_id      uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    id             uuid NOT NULL,
    name           text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 500),
    size           bigint NOT NULL CHECK (size >= 0),
    type           text NOT NULL CHECK (type IN ('pdf', 'docx', 'txt', 'csv')),
    version        integer NOT NULL DEFAULT 1 CHECK (version >= 1),
    -- The version that search sees; 0 before the first is ready.
    active_version integer NOT NULL DEFAULT 0,
    status         text NOT NULL CHECK (status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding',
                                                   'storing', 'ready', 'failed', 'cancelled', 'deleting')),
    stage          text NOT NULL DEFAULT '' CHECK (char_length(stage) <= 500),
    progress       integer NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    chunks_total   integer NOT NULL DEFAULT 0 CHECK (chunks_total >= 0),
    chunks_done    integer NOT NULL DEFAULT 0 CHECK (chunks_done >= 0),
    error_code     text CHECK (char_length(error_code) BETWEEN 1 AND 100),
    error_message  text CHECK (char_length(error_message) <= 2000),
    sha256         text NOT NULL DEFAULT '' CHECK (sha256 ~ '^([0-9a-f]{64})?$'),
    blob_key       text NOT NULL DEFAULT '' CHECK (char_length(blob_key) <= 1000),
    workflow_id    text NOT NULL DEFAULT '' CHECK (char_length(workflow_id) <= 500),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, id),
    CHECK (active_version BETWEEN 0 AND version),
    CHECK ((error_code IS NULL) = (error_message IS NULL)),
    CHECK (status <> 'failed' OR error_code IS NOT NULL),
    CHECK (status <> 'ready' OR (active_version = version AND progress = 100))
);
-- Pages of a client's documents.
CREATE INDEX documents_page ON documents (client_id, created_at DESC, id DESC);
-- What search must not see, read before every answer.
CREATE INDEX documents_hidden ON documents (client_id) WHERE version <> active_version OR status = 'deleting';
-- What a restarted process looks for, over all clients.
CREATE INDEX documents_pending ON documents (updated_at)
    WHERE status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing');

-- A version that has chunks. The row stands for all of them, so that the
-- versions which search must not see are found without reading chunks.
CREATE TABLE document_revisions (
    client_id   uuid NOT NULL,
    document_id uuid NOT NULL,
    version     integer NOT NULL CHECK (version >= 1),
    chunks      integer NOT NULL DEFAULT 0 CHECK (chunks >= 0),
    active      boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, document_id, version),
    FOREIGN KEY (client_id, document_id) REFERENCES documents ON DELETE CASCADE
);
CREATE INDEX document_revisions_hidden ON document_revisions (client_id) WHERE NOT active;
CREATE UNIQUE INDEX document_revisions_active ON document_revisions (client_id, document_id) WHERE active;

CREATE TABLE chunks (
    client_id   uuid NOT NULL,
    document_id uuid NOT NULL,
    version     integer NOT NULL,
    chunk_index integer NOT NULL CHECK (chunk_index >= 0),
    content     text NOT NULL CHECK (char_length(content) <= 100000),
    tokens      integer NOT NULL CHECK (tokens >= 0),
    page        integer NOT NULL DEFAULT 0 CHECK (page >= 0),
    row         integer NOT NULL DEFAULT 0 CHECK (row >= 0),
    section     text NOT NULL DEFAULT '' CHECK (char_length(section) <= 2000),
    PRIMARY KEY (client_id, document_id, version, chunk_index),
    FOREIGN KEY (client_id, document_id, version) REFERENCES document_revisions ON DELETE CASCADE
);

-- The batches whose chunks are in the index: each is counted once, however
-- often its activity runs.
CREATE TABLE document_batches (
    client_id   uuid NOT NULL,
    document_id uuid NOT NULL,
    version     integer NOT NULL CHECK (version >= 1),
    batch       integer NOT NULL CHECK (batch >= 0),
    chunks      integer NOT NULL CHECK (chunks >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, document_id, version, batch),
    FOREIGN KEY (client_id, document_id) REFERENCES documents ON DELETE CASCADE
);

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_revisions FORCE ROW LEVEL SECURITY;
ALTER TABLE chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE chunks FORCE ROW LEVEL SECURITY;
ALTER TABLE document_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_batches FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON documents USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON document_revisions USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON chunks USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON document_batches USING (client_id = app_client()) WITH CHECK (client_id = app_client());

GRANT SELECT, INSERT, UPDATE, DELETE ON documents, document_revisions, chunks, document_batches TO chatconnect_app;
