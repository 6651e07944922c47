-- +goose Up
-- Whose account a key spends from, and which clients are gone.

GRANT SELECT (created_at) ON memberships TO chatconnect_lookup;

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- As 00005 has it, with the account: the first owner, whose clients share
-- limits. A release that doesn't know the column leaves it out of its SELECT.
DROP FUNCTION key_owner(bytea);
-- +goose StatementBegin
CREATE FUNCTION key_owner(hash bytea)
    RETURNS TABLE (key_id uuid, kind text, client_id uuid, tier text, allowed_domains text[], expires_at timestamptz, account_id uuid)
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
    SELECT f.id, f.kind, f.client_id, f.tier, f.allowed_domains, f.expires_at,
           (SELECT m.user_id FROM public.memberships m
            WHERE m.client_id = f.client_id AND m.role = 'owner' ORDER BY m.created_at, m.user_id LIMIT 1)
    FROM found f
$$;
-- +goose StatementEnd

-- Those of the given clients that were deleted, or are being so. Every process
-- asks it to drop what it still reports about them.
-- +goose StatementBegin
CREATE FUNCTION purged_clients(ids uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.client_id FROM public.client_purges p WHERE p.client_id = ANY (purged_clients.ids)
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION key_owner(bytea), purged_clients(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION key_owner(bytea), purged_clients(uuid[]) TO chatconnect_app;
ALTER FUNCTION key_owner(bytea) OWNER TO chatconnect_lookup;
ALTER FUNCTION purged_clients(uuid[]) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
