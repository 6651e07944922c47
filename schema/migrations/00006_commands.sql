-- +goose Up
-- What the commands on documents and clients need: deletions that a restarted
-- process finds again, one document for one content, and the purge of a client.

-- The same content is one document, however many uploads race for it. Those
-- that ended badly or are going don't stand in the way of a fresh upload.
-- Documents uploaded twice before this rule keep their content, and only the
-- oldest of them is found by it.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
UPDATE documents d SET sha256 = ''
WHERE d.sha256 <> '' AND d.status NOT IN ('failed', 'cancelled', 'deleting') AND EXISTS (
    SELECT FROM documents o
    WHERE o.client_id = d.client_id AND o.sha256 = d.sha256 AND o.status NOT IN ('failed', 'cancelled', 'deleting')
      AND (o.created_at, o.id) < (d.created_at, d.id));
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE UNIQUE INDEX documents_content ON documents (client_id, sha256)
    WHERE sha256 <> '' AND status NOT IN ('failed', 'cancelled', 'deleting');

-- A version beside the one that search sees. Until it is ready the row speaks
-- of the old one's file; replacement is what it will speak of then: {"name",
-- "size", "type", "sha256", "blobKey"}. Numbers of versions are never used
-- twice, because a late writer of an abandoned one must find nobody.
ALTER TABLE documents
    ADD COLUMN replacement jsonb CHECK (jsonb_typeof(replacement) = 'object'),
    ADD COLUMN last_version integer NOT NULL DEFAULT 1;
-- Ready is a document that search sees a version of, also when a newer one
-- came to nothing.
ALTER TABLE documents DROP CONSTRAINT documents_check3;
ALTER TABLE documents ADD CONSTRAINT documents_ready CHECK (status <> 'ready' OR (active_version >= 1 AND progress = 100));

-- Set when a client begins to be purged: from then on it exists for nobody but
-- the purge.
ALTER TABLE clients ADD COLUMN deleting_at timestamptz;

-- One line for each client that was deleted. It has no foreign key to clients,
-- because it must outlive the client; the client's own audit trail does not.
CREATE TABLE client_purges (
    client_id    uuid PRIMARY KEY,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    user_id      uuid REFERENCES users ON DELETE SET NULL, -- who asked for it
    requested_at timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz,
    -- What there was to remove, counted before: {"points": n, "rows": n, …}.
    removed      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(removed) = 'object')
);
CREATE INDEX client_purges_user ON client_purges (user_id);
CREATE INDEX client_purges_pending ON client_purges (requested_at) WHERE finished_at IS NULL;
ALTER TABLE client_purges ENABLE ROW LEVEL SECURITY;
ALTER TABLE client_purges FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON client_purges USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY lookup ON client_purges FOR SELECT TO chatconnect_lookup USING (true);
-- As an audit trail it is never deleted from.
GRANT SELECT, INSERT, UPDATE ON client_purges TO chatconnect_app;
GRANT SELECT (client_id, requested_at, finished_at) ON client_purges TO chatconnect_lookup;

-- What a restarted process looks for now includes deletions.
DROP INDEX documents_pending;
CREATE INDEX documents_pending ON documents (updated_at)
    WHERE status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing', 'deleting');

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- Documents of all clients whose ingestion or deletion has not ended,
-- unchanged since before, oldest first. Those of a client that is being
-- deleted are its purge's business.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION pending_documents(before timestamptz, max_rows integer)
    RETURNS SETOF public.documents
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.* FROM public.documents d
    WHERE d.status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing', 'deleting')
      AND d.updated_at < pending_documents.before
      AND NOT EXISTS (SELECT FROM public.client_purges p WHERE p.client_id = d.client_id)
    ORDER BY d.updated_at
    LIMIT pending_documents.max_rows
$$;
-- +goose StatementEnd

-- Clients whose purge was asked for before and has not ended, oldest first.
-- +goose StatementBegin
CREATE FUNCTION pending_purges(before timestamptz, max_rows integer)
    RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.client_id FROM public.client_purges p
    WHERE p.finished_at IS NULL AND p.requested_at < pending_purges.before
    ORDER BY p.requested_at
    LIMIT pending_purges.max_rows
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION pending_purges(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pending_purges(timestamptz, integer) TO chatconnect_app;
ALTER FUNCTION pending_purges(timestamptz, integer) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
