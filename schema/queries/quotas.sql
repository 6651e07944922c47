-- What quotas are decided by. Each count follows a lock within one transaction,
-- so that of several at once every one sees those before it.

-- name: LockClient :one
SELECT clients.id FROM clients WHERE clients.id = @id AND deleting_at IS NULL FOR NO KEY UPDATE;

-- name: LockUser :one
SELECT users.id FROM users WHERE users.id = @id FOR NO KEY UPDATE;

-- ReadAsUser lets the transaction also read what belongs to the user.
-- name: ReadAsUser :exec
SELECT set_config('app.user_id', @user_id::text, true);

-- Stored counts documents until they are gone, those being deleted too, and
-- the file of a replacement beside the one it replaces.
-- name: Stored :one
SELECT count(*)::integer AS documents,
    COALESCE(sum(size + COALESCE((replacement->>'size')::bigint, 0)), 0)::bigint AS bytes
FROM documents WHERE client_id = @client_id;

-- name: CountKeys :one
SELECT count(*)::integer FROM api_keys WHERE client_id = @client_id AND revoked_at IS NULL;

-- name: CountOwnedClients :one
SELECT count(*)::integer FROM memberships m JOIN clients c ON c.id = m.client_id
WHERE m.user_id = @user_id AND m.role = 'owner' AND c.deleting_at IS NULL;
