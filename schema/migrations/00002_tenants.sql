-- +goose Up
-- Accounts, clients (the tenants), who belongs to them, their keys and their
-- widget. Every primary key of a tenant's table starts with client_id: an id
-- of another client can neither be probed for nor be taken, and foreign keys
-- between tenant tables carry the client too, because PostgreSQL checks
-- foreign keys without regard to row level security.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 320),
    name          text NOT NULL CHECK (char_length(name) <= 200),
    password_hash text NOT NULL CHECK (char_length(password_hash) BETWEEN 1 AND 1000),
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON users (lower(email));
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO chatconnect_app;

CREATE TABLE clients (
    id                uuid PRIMARY KEY,
    name              text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    tier              text NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'paid')),
    -- Raised by every change of what search may see; part of cache keys.
    knowledge_version bigint NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE memberships (
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);

CREATE TABLE api_keys (
    client_id    uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    id           uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('publishable', 'secret')),
    name         text NOT NULL CHECK (char_length(name) <= 200),
    prefix       text NOT NULL CHECK (char_length(prefix) BETWEEN 1 AND 32),
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- A publishable key stands in web pages anyway; a secret one is never kept.
    token        text CHECK (char_length(token) <= 200),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    PRIMARY KEY (client_id, id),
    CHECK ((kind = 'publishable') = (token IS NOT NULL))
);

CREATE TABLE widgets (
    client_id           uuid PRIMARY KEY REFERENCES clients ON DELETE CASCADE,
    title               text NOT NULL CHECK (char_length(title) <= 200),
    greeting            text NOT NULL CHECK (char_length(greeting) <= 2000),
    placeholder         text NOT NULL CHECK (char_length(placeholder) <= 200),
    suggested_questions text[] NOT NULL CHECK (cardinality(suggested_questions) <= 20),
    primary_color       text NOT NULL CHECK (primary_color ~ '^#[0-9a-fA-F]{6}$'),
    position            text NOT NULL CHECK (position IN ('bottom-right', 'bottom-left')),
    color_scheme        text NOT NULL CHECK (color_scheme IN ('light', 'dark', 'auto')),
    locale              text NOT NULL CHECK (char_length(locale) BETWEEN 1 AND 35),
    allowed_domains     text[] NOT NULL CHECK (cardinality(allowed_domains) <= 100),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE clients FORCE ROW LEVEL SECURITY;
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
ALTER TABLE widgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE widgets FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON clients USING (id = app_client()) WITH CHECK (id = app_client());
CREATE POLICY tenant ON memberships USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON api_keys USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON widgets USING (client_id = app_client()) WITH CHECK (client_id = app_client());

-- A user may read, never write, what the list of their clients shows: their
-- memberships, those clients, and the publishable keys of those.
CREATE POLICY own ON memberships FOR SELECT USING (user_id = app_user());
CREATE POLICY own ON clients FOR SELECT USING (
    EXISTS (SELECT FROM memberships m WHERE m.client_id = clients.id AND m.user_id = app_user()));
CREATE POLICY own ON api_keys FOR SELECT USING (
    kind = 'publishable'
    AND EXISTS (SELECT FROM memberships m WHERE m.client_id = api_keys.client_id AND m.user_id = app_user()));

GRANT SELECT, INSERT, UPDATE, DELETE ON clients, memberships, api_keys, widgets TO chatconnect_app;

-- The key a client's web pages should carry: of those that work, one without
-- an end before one with, and the newest.
CREATE FUNCTION publishable_key(client uuid) RETURNS text LANGUAGE sql STABLE
    RETURN COALESCE((
        SELECT k.token FROM api_keys k
        WHERE k.client_id = client AND k.kind = 'publishable' AND k.revoked_at IS NULL
          AND (k.expires_at IS NULL OR k.expires_at > now())
        ORDER BY k.expires_at IS NULL DESC, k.created_at DESC
        LIMIT 1), '');
