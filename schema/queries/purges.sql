-- RoleForPurge reads the role also in a client that is being deleted already,
-- so that asking twice is answered twice.
-- name: RoleForPurge :one
SELECT role FROM memberships WHERE client_id = @client_id AND user_id = @user_id;

-- BeginPurge notes who wants the client gone, once.
-- name: BeginPurge :exec
INSERT INTO client_purges (client_id, name, user_id)
SELECT c.id, c.name, @user_id::uuid FROM clients c WHERE c.id = @client_id
ON CONFLICT (client_id) DO NOTHING;

-- HideClient makes the client exist for nobody but its purge.
-- name: HideClient :exec
UPDATE clients SET deleting_at = now(), updated_at = now() WHERE id = @client_id AND deleting_at IS NULL;

-- name: RevokeAllKeys :exec
UPDATE api_keys SET revoked_at = now() WHERE client_id = @client_id AND revoked_at IS NULL;

-- RecordPurge keeps the first counts: those of a repeated attempt are lower.
-- name: RecordPurge :exec
UPDATE client_purges SET removed = @removed WHERE client_id = @client_id AND removed = '{}';

-- name: FinishPurge :exec
UPDATE client_purges SET finished_at = now() WHERE client_id = @client_id AND finished_at IS NULL;

-- ClientRows counts every row of the client but the record of its purge.
-- name: ClientRows :one
SELECT ((SELECT count(*) FROM clients WHERE clients.id = @client_id)
      + (SELECT count(*) FROM memberships WHERE memberships.client_id = @client_id)
      + (SELECT count(*) FROM api_keys WHERE api_keys.client_id = @client_id)
      + (SELECT count(*) FROM widgets WHERE widgets.client_id = @client_id)
      + (SELECT count(*) FROM documents WHERE documents.client_id = @client_id)
      + (SELECT count(*) FROM document_revisions WHERE document_revisions.client_id = @client_id)
      + (SELECT count(*) FROM document_batches WHERE document_batches.client_id = @client_id)
      + (SELECT count(*) FROM ingestion_usage WHERE ingestion_usage.client_id = @client_id)
      + (SELECT count(*) FROM chunks WHERE chunks.client_id = @client_id)
      + (SELECT count(*) FROM chat_sessions WHERE chat_sessions.client_id = @client_id)
      + (SELECT count(*) FROM chat_logs WHERE chat_logs.client_id = @client_id)
      + (SELECT count(*) FROM chat_feedback WHERE chat_feedback.client_id = @client_id)
      + (SELECT count(*) FROM session_claims WHERE session_claims.client_id = @client_id)
      + (SELECT count(*) FROM usage_stats WHERE usage_stats.client_id = @client_id)
      + (SELECT count(*) FROM audit_events WHERE audit_events.client_id = @client_id))::bigint AS total;

-- PurgeChunks, PurgeChatLogs and PurgeDocuments take a part at a time, so that
-- no statement of a large client runs into its time limit.
-- name: PurgeChunks :execrows
DELETE FROM chunks WHERE ctid = ANY (ARRAY(
    SELECT c.ctid FROM chunks c JOIN clients ON clients.id = c.client_id
    WHERE c.client_id = @client_id AND clients.deleting_at IS NOT NULL LIMIT @max_rows::integer));

-- name: PurgeChatLogs :execrows
DELETE FROM chat_logs WHERE ctid = ANY (ARRAY(
    SELECT c.ctid FROM chat_logs c JOIN clients ON clients.id = c.client_id
    WHERE c.client_id = @client_id AND clients.deleting_at IS NOT NULL LIMIT @max_rows::integer));

-- name: PurgeDocuments :execrows
DELETE FROM documents WHERE ctid = ANY (ARRAY(
    SELECT c.ctid FROM documents c JOIN clients ON clients.id = c.client_id
    WHERE c.client_id = @client_id AND clients.deleting_at IS NOT NULL LIMIT @max_rows::integer));

-- PurgeClient takes with it what is left. The month's tokens go on counting for
-- the account, if the client shared its ceiling.
-- name: PurgeClient :exec
WITH spent AS (
    SELECT date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month, COALESCE(sum(u.input_tokens + u.output_tokens), 0)::bigint AS tokens
    FROM usage_stats u JOIN clients c ON c.id = u.client_id
    WHERE c.id = @client_id AND c.deleting_at IS NOT NULL AND c.tier = 'free' AND c.token_ceiling IS NULL
      AND u.day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date AND u.model <> ALL (@unpaid_models::text[])
), carried AS (
    UPDATE users SET
        purged_tokens = spent.tokens + CASE WHEN users.purged_month = spent.month THEN users.purged_tokens ELSE 0 END,
        purged_month = spent.month
    FROM spent
    WHERE spent.tokens > 0 AND users.id IN (SELECT m.user_id FROM memberships m WHERE m.client_id = @client_id AND m.role = 'owner')
)
DELETE FROM clients WHERE clients.id = @client_id AND clients.deleting_at IS NOT NULL;
