-- +goose Up
-- The two reads that precede knowing the client. Each is a function that runs
-- as chatconnect_lookup and gives away nothing but its result.

GRANT SELECT (client_id, id, kind, token_hash, expires_at, revoked_at, last_used_at) ON api_keys TO chatconnect_lookup;
GRANT UPDATE (last_used_at) ON api_keys TO chatconnect_lookup;
GRANT SELECT (id, tier) ON clients TO chatconnect_lookup;
GRANT SELECT (client_id, allowed_domains) ON widgets TO chatconnect_lookup;
GRANT SELECT ON documents TO chatconnect_lookup;

CREATE POLICY lookup ON api_keys FOR SELECT TO chatconnect_lookup USING (true);
CREATE POLICY lookup_touch ON api_keys FOR UPDATE TO chatconnect_lookup USING (true) WITH CHECK (true);
CREATE POLICY lookup ON clients FOR SELECT TO chatconnect_lookup USING (true);
CREATE POLICY lookup ON widgets FOR SELECT TO chatconnect_lookup USING (true);
CREATE POLICY lookup ON documents FOR SELECT TO chatconnect_lookup USING (true);

-- Who bears the key with this SHA-256; no row if none is valid. Notes the use,
-- at most once a minute, so that a busy key is not rewritten on every request.
-- +goose StatementBegin
CREATE FUNCTION key_owner(hash bytea)
    RETURNS TABLE (key_id uuid, kind text, client_id uuid, tier text, allowed_domains text[], expires_at timestamptz)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH found AS (
        SELECT k.client_id, k.id, k.kind, k.expires_at, c.tier, w.allowed_domains, k.last_used_at
        FROM public.api_keys k
        JOIN public.clients c ON c.id = k.client_id
        JOIN public.widgets w ON w.client_id = k.client_id
        WHERE k.token_hash = key_owner.hash AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > now())
    ), touched AS (
        UPDATE public.api_keys k SET last_used_at = now()
        FROM found f
        WHERE k.client_id = f.client_id AND k.id = f.id
          AND (f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute')
    )
    SELECT f.id, f.kind, f.client_id, f.tier, f.allowed_domains, f.expires_at FROM found f
$$;
-- +goose StatementEnd

-- Documents of all clients whose ingestion has not ended, unchanged since
-- before, oldest first.
-- +goose StatementBegin
CREATE FUNCTION pending_documents(before timestamptz, max_rows integer)
    RETURNS SETOF public.documents
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.* FROM public.documents d
    WHERE d.status IN ('uploading', 'queued', 'parsing', 'chunking', 'embedding', 'storing')
      AND d.updated_at < pending_documents.before
    ORDER BY d.updated_at
    LIMIT pending_documents.max_rows
$$;
-- +goose StatementEnd

REVOKE ALL ON FUNCTION key_owner(bytea), pending_documents(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_owner(bytea), pending_documents(timestamptz, integer) TO chatconnect_app;

-- A function's new owner must be allowed to create in its schema, for as long
-- as it takes to become the owner.
GRANT CREATE ON SCHEMA public TO chatconnect_lookup;
ALTER FUNCTION key_owner(bytea) OWNER TO chatconnect_lookup;
ALTER FUNCTION pending_documents(timestamptz, integer) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
