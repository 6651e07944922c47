-- +goose Up
-- What the operator lets clients and accounts spend, beside the budget that an
-- owner sets.

-- Input, output and embedding tokens of a calendar month in UTC. NULL is the
-- tier's default of the settings, 0 sets no ceiling.
ALTER TABLE clients ADD COLUMN token_ceiling bigint CHECK (token_ceiling >= 0);

-- Tokens of clients that were deleted go on counting for their owners until
-- the month ends: else a new client would bring a new allowance.
ALTER TABLE users
    ADD COLUMN purged_tokens bigint NOT NULL DEFAULT 0 CHECK (purged_tokens >= 0),
    ADD COLUMN purged_month  date;

GRANT SELECT (client_id, day, model, input_tokens, output_tokens) ON usage_stats TO chatconnect_lookup;
GRANT SELECT (client_id, user_id, role) ON memberships TO chatconnect_lookup;
GRANT SELECT (token_ceiling) ON clients TO chatconnect_lookup;
GRANT SELECT (id, purged_tokens, purged_month) ON users TO chatconnect_lookup;
CREATE POLICY lookup ON usage_stats FOR SELECT TO chatconnect_lookup USING (true);
CREATE POLICY lookup ON memberships FOR SELECT TO chatconnect_lookup USING (true);

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- What the owner of the current client has used this month with all clients
-- that share the account's ceiling: those of the free tier for which the
-- operator has set no ceiling. Of several owners, the one who has used most.
-- Models named are built in and cost nothing.
-- +goose StatementBegin
CREATE FUNCTION account_tokens(unpaid_models text[]) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    WITH month AS (SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS first_day),
    owners AS (
        SELECT m.user_id FROM public.memberships m
        WHERE m.client_id = public.app_client() AND m.role = 'owner')
    SELECT COALESCE(max(total), 0)::bigint FROM (
        SELECT (CASE WHEN u.purged_month = month.first_day THEN u.purged_tokens ELSE 0 END
            + COALESCE((
                SELECT sum(s.input_tokens + s.output_tokens)
                FROM public.memberships m
                JOIN public.clients c ON c.id = m.client_id AND c.tier = 'free' AND c.token_ceiling IS NULL
                JOIN public.usage_stats s ON s.client_id = m.client_id
                WHERE m.user_id = u.id AND m.role = 'owner'
                  AND s.day >= month.first_day AND s.model <> ALL (account_tokens.unpaid_models)), 0)) AS total
        FROM public.users u JOIN owners o ON o.user_id = u.id CROSS JOIN month) totals
$$;
-- +goose StatementEnd

-- The ids of all clients after the given one, for the operator's list. What
-- else it shows is read client by client, under the policies.
-- +goose StatementBegin
CREATE FUNCTION client_ids(after uuid, max_rows integer) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.id FROM public.clients c
    WHERE c.deleting_at IS NULL AND c.id > client_ids.after
    ORDER BY c.id
    LIMIT client_ids.max_rows
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION account_tokens(text[]), client_ids(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_tokens(text[]), client_ids(uuid, integer) TO chatconnect_app;
ALTER FUNCTION account_tokens(text[]) OWNER TO chatconnect_lookup;
ALTER FUNCTION client_ids(uuid, integer) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
