-- ClaimForVisitor begins a session, or recognises the request that began it. A
-- session with messages and without a claim is a server's of before there were
-- claims. Of several requests at once the first inserts; the others wait for it,
-- and see its row.
-- name: ClaimForVisitor :execrows
INSERT INTO session_claims (client_id, session, begun_with)
SELECT @client_id::uuid, @session::bytea, @begun_with::bytea
WHERE NOT EXISTS (SELECT FROM chat_sessions s WHERE s.client_id = @client_id AND s.id = @id::text)
   OR EXISTS (SELECT FROM session_claims c
              WHERE c.client_id = @client_id AND c.session = @session AND c.begun_with = @begun_with)
ON CONFLICT (client_id, session) DO UPDATE SET begun_with = session_claims.begun_with
WHERE session_claims.begun_with = excluded.begun_with
  AND session_claims.begun_at > now() - make_interval(secs => @repeatable_seconds::float8);

-- ClaimForServer returns whether the session is a server's, as it is from now
-- on if nobody has begun it.
-- name: ClaimForServer :one
INSERT INTO session_claims (client_id, session)
VALUES (@client_id, @session)
ON CONFLICT (client_id, session) DO UPDATE SET begun_with = session_claims.begun_with
RETURNING (begun_with IS NULL)::boolean AS held;
