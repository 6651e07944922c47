-- Accounts belong to no client; the table has no row level security.

-- name: CreateUser :one
INSERT INTO users (id, email, name, password_hash)
VALUES (@id, @email, @name, @password_hash)
RETURNING *;

-- name: UserByEmail :one
SELECT * FROM users WHERE lower(email) = lower(@email::text);

-- name: User :one
SELECT * FROM users WHERE id = @id;
