-- name: CreateKey :one
INSERT INTO api_keys (client_id, id, kind, name, prefix, token_hash, token, expires_at)
VALUES (@client_id, @id, @kind, @name, @prefix, @token_hash, sqlc.narg(token), sqlc.narg(expires_at))
RETURNING *;

-- name: Keys :many
SELECT * FROM api_keys
WHERE client_id = @client_id AND revoked_at IS NULL
ORDER BY created_at, id;

-- name: RevokeKey :execrows
UPDATE api_keys SET revoked_at = now()
WHERE client_id = @client_id AND id = @id AND revoked_at IS NULL;
