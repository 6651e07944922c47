-- +goose Up
-- Tokens are counted when they are spent, tenants take turns with those who
-- look for documents without a workflow, and what doesn't get on is found among
-- any number of others.

-- The embedding provider's tokens, added up attempt by attempt: one that fails
-- later on, or dies, was paid for all the same.
ALTER TABLE document_revisions ADD COLUMN embedding_tokens bigint NOT NULL DEFAULT 0 CHECK (embedding_tokens >= 0);

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- Documents of all clients whose ingestion or deletion has not ended,
-- unchanged since before. Most have a workflow and wait for their turn, for
-- hours if there are many; so that none of the others is hidden behind them,
-- each call draws other ones, as many of one client as of another. Those of a
-- client that is being deleted are its purge's business.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION pending_documents(before timestamptz, max_rows integer)
    RETURNS SETOF public.documents
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH drawn AS (
        SELECT d.client_id, d.id, row_number() OVER (PARTITION BY d.client_id ORDER BY random()) AS turn
        FROM public.documents d
        WHERE d.status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing', 'deleting')
          AND d.updated_at < pending_documents.before
          AND NOT EXISTS (SELECT FROM public.client_purges p WHERE p.client_id = d.client_id)
        ORDER BY turn, random()
        LIMIT pending_documents.max_rows
    )
    SELECT d.* FROM drawn JOIN public.documents d ON d.client_id = drawn.client_id AND d.id = drawn.id
    ORDER BY drawn.turn
$$;
-- +goose StatementEnd

-- The same documents one after the other, those behind the given one in the
-- order of client and document, for who wants to see all of them.
-- +goose StatementBegin
CREATE FUNCTION documents_under_way(after_client uuid, after_document uuid, max_rows integer)
    RETURNS SETOF public.documents
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.* FROM public.documents d
    WHERE d.status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing', 'deleting')
      AND (d.client_id, d.id) > (documents_under_way.after_client, documents_under_way.after_document)
      AND NOT EXISTS (SELECT FROM public.client_purges p WHERE p.client_id = d.client_id)
    ORDER BY d.client_id, d.id
    LIMIT documents_under_way.max_rows
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION documents_under_way(uuid, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION documents_under_way(uuid, uuid, integer) TO chatconnect_app;
ALTER FUNCTION documents_under_way(uuid, uuid, integer) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
