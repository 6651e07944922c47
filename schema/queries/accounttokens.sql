-- Tokens of accounts belong to no client; the table has no row level security.

-- name: LockAccount :exec
-- Until the end of the transaction, one at a time for each name.
SELECT pg_advisory_xact_lock(hashtextextended(@name::text, 0));

-- name: CountAccountTokens :one
SELECT count(*) FROM account_tokens
WHERE lower(email) = lower(@email::text) AND purpose = @purpose AND created_at > now() - interval '1 hour';

-- name: CreateAccountToken :exec
INSERT INTO account_tokens (token_hash, purpose, email, name, password_hash, expires_at)
VALUES (@token_hash, @purpose, @email, @name, @password_hash, @expires_at);

-- name: DeleteExpiredAccountTokens :exec
DELETE FROM account_tokens WHERE expires_at < now() - interval '1 day';

-- name: AccountToken :one
SELECT * FROM account_tokens
WHERE token_hash = @token_hash AND purpose = @purpose AND expires_at > now();

-- name: UseAccountToken :execrows
UPDATE account_tokens SET used_at = now()
WHERE token_hash = @token_hash AND used_at IS NULL AND expires_at > now() AND lower(email) = lower(@email::text);

-- name: HasUsers :one
SELECT EXISTS (SELECT FROM users);
