-- name: CreateClient :one
INSERT INTO clients (id, name, tier) VALUES (@id, @name, @tier)
RETURNING *;

-- name: CreateMembership :exec
INSERT INTO memberships (client_id, user_id, role) VALUES (@client_id, @user_id, @role);

-- Client reads one client as its tenant.
-- name: Client :one
SELECT sqlc.embed(clients), publishable_key(clients.id)::text AS publishable_key
FROM clients WHERE id = @id AND deleting_at IS NULL;

-- UserClients reads as a user: policies show it only that user's clients.
-- name: UserClients :many
SELECT sqlc.embed(clients), memberships.role, publishable_key(clients.id)::text AS publishable_key
FROM memberships JOIN clients ON clients.id = memberships.client_id
WHERE memberships.user_id = @user_id AND clients.deleting_at IS NULL
ORDER BY clients.created_at, clients.id;

-- name: UpdateClient :execrows
UPDATE clients
SET name = COALESCE(sqlc.narg(name), name),
    model = COALESCE(sqlc.narg(model)::text, model),
    -- 0 takes a limit away.
    monthly_token_budget = NULLIF(COALESCE(sqlc.narg(token_budget)::bigint, monthly_token_budget, 0), 0),
    retention_days = NULLIF(COALESCE(sqlc.narg(retention_days)::integer, retention_days, 0), 0), updated_at = now()
WHERE id = @id AND deleting_at IS NULL;

-- SetPlan changes what only the operator decides: a ceiling of -1 is the tier's
-- default again.
-- name: SetPlan :execrows
UPDATE clients
SET tier = COALESCE(sqlc.narg(tier)::text, tier),
    token_ceiling = CASE sqlc.narg(token_ceiling)::bigint WHEN -1 THEN NULL ELSE COALESCE(sqlc.narg(token_ceiling)::bigint, token_ceiling) END,
    updated_at = now()
WHERE id = @id AND deleting_at IS NULL;

-- name: OwnerEmails :many
SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
WHERE m.client_id = @client_id AND m.role = 'owner'
ORDER BY m.created_at, u.id;

-- name: Role :one
SELECT m.role FROM memberships m JOIN clients c ON c.id = m.client_id
WHERE m.client_id = @client_id AND m.user_id = @user_id AND c.deleting_at IS NULL;

-- name: RaiseKnowledgeVersion :exec
UPDATE clients SET knowledge_version = knowledge_version + 1 WHERE id = @id;

-- name: CreateAuditEvent :exec
INSERT INTO audit_events (client_id, user_id, action, target, details)
VALUES (@client_id, sqlc.narg(user_id), @action, @target, @details);
