-- +goose Up
-- What a reindex reads: which revisions of all clients search sees, and how
-- many chunks they have. Their text is then read client by client, under the
-- policies.
GRANT SELECT (client_id, document_id, version, chunks, active) ON document_revisions TO chatconnect_lookup;
CREATE POLICY lookup ON document_revisions FOR SELECT TO chatconnect_lookup USING (true);

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- Active revisions after the given document, in the order of client and
-- document. What is being deleted is nobody's to index.
-- +goose StatementBegin
CREATE FUNCTION active_revisions(after_client uuid, after_document uuid, max_rows integer)
    RETURNS TABLE (client_id uuid, document_id uuid, version integer, chunks integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.client_id, r.document_id, r.version, r.chunks
    FROM public.document_revisions r
    JOIN public.documents d ON d.client_id = r.client_id AND d.id = r.document_id
    WHERE r.active AND d.status <> 'deleting'
      AND (r.client_id, r.document_id) > (active_revisions.after_client, active_revisions.after_document)
      AND NOT EXISTS (SELECT FROM public.client_purges p WHERE p.client_id = r.client_id)
    ORDER BY r.client_id, r.document_id
    LIMIT active_revisions.max_rows
$$;
-- +goose StatementEnd

-- How many there are, and how many chunks they have.
-- +goose StatementBegin
CREATE FUNCTION active_revisions_total()
    RETURNS TABLE (documents bigint, chunks bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT count(*), COALESCE(sum(r.chunks), 0)
    FROM public.document_revisions r
    JOIN public.documents d ON d.client_id = r.client_id AND d.id = r.document_id
    WHERE r.active AND d.status <> 'deleting'
      AND NOT EXISTS (SELECT FROM public.client_purges p WHERE p.client_id = r.client_id)
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION active_revisions(uuid, uuid, integer), active_revisions_total() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION active_revisions(uuid, uuid, integer), active_revisions_total() TO chatconnect_app;
ALTER FUNCTION active_revisions(uuid, uuid, integer) OWNER TO chatconnect_lookup;
ALTER FUNCTION active_revisions_total() OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
