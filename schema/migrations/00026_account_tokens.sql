-- +goose Up
-- What a link in a mail, or one that the operator hands out, is worth: an
-- invitation, or an account that waits until its address is confirmed. They
-- belong to no client. Of the token only the hash is kept.
CREATE TABLE account_tokens (
    token_hash    bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    purpose       text NOT NULL CHECK (purpose IN ('invitation', 'verification')),
    email         text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 320),
    -- Of the account that waits; empty for an invitation.
    name          text NOT NULL DEFAULT '' CHECK (char_length(name) <= 200),
    password_hash text NOT NULL DEFAULT '' CHECK (char_length(password_hash) <= 1000),
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    used_at       timestamptz,
    CHECK ((purpose = 'verification') = (password_hash <> ''))
);
-- How many were asked for of late, for each address.
CREATE INDEX account_tokens_email ON account_tokens (lower(email), purpose, created_at);
CREATE INDEX account_tokens_expires ON account_tokens (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON account_tokens TO chatconnect_app;
