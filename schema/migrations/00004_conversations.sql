-- +goose Up
-- What visitors asked, what it cost, and what members did.

CREATE TABLE chat_sessions (
    client_id       uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    id              text NOT NULL CHECK (char_length(id) BETWEEN 1 AND 128),
    messages        integer NOT NULL DEFAULT 0 CHECK (messages >= 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_message_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, id)
);
CREATE INDEX chat_sessions_recent ON chat_sessions (client_id, last_message_at DESC, id DESC);

CREATE TABLE chat_logs (
    client_id              uuid NOT NULL,
    session_id             text NOT NULL,
    message_id             text NOT NULL CHECK (char_length(message_id) BETWEEN 1 AND 128),
    question               text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 2000),
    answer                 text NOT NULL CHECK (char_length(answer) <= 200000),
    sources                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(sources) = 'array'),
    metadata               jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    status                 text NOT NULL CHECK (status IN ('answered', 'unanswered', 'failed')),
    error_code             text NOT NULL DEFAULT '' CHECK (char_length(error_code) <= 100),
    tier                   text NOT NULL CHECK (tier IN ('free', 'paid')),
    provider               text NOT NULL DEFAULT '' CHECK (char_length(provider) <= 100),
    model                  text NOT NULL DEFAULT '' CHECK (char_length(model) <= 200),
    input_tokens           bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens          bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cached_tokens          bigint NOT NULL DEFAULT 0 CHECK (cached_tokens >= 0),
    cached                 boolean NOT NULL DEFAULT false,
    latency_ms             bigint NOT NULL DEFAULT 0,
    time_to_first_token_ms bigint NOT NULL DEFAULT 0,
    asked_at               timestamptz NOT NULL,
    created_at             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, session_id, message_id),
    FOREIGN KEY (client_id, session_id) REFERENCES chat_sessions ON DELETE CASCADE
);
CREATE INDEX chat_logs_history ON chat_logs (client_id, session_id, asked_at DESC, message_id DESC);
CREATE INDEX chat_logs_recent ON chat_logs (client_id, asked_at DESC);

CREATE TABLE usage_stats (
    client_id     uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    day           date NOT NULL, -- in UTC
    model         text NOT NULL CHECK (char_length(model) <= 200), -- '' if no model was reached
    questions     bigint NOT NULL DEFAULT 0,
    answered      bigint NOT NULL DEFAULT 0,
    unanswered    bigint NOT NULL DEFAULT 0,
    failed        bigint NOT NULL DEFAULT 0,
    input_tokens  bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    cached_tokens bigint NOT NULL DEFAULT 0,
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, day, model)
);

CREATE TABLE audit_events (
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    user_id    uuid REFERENCES users ON DELETE SET NULL, -- NULL for the system
    action     text NOT NULL CHECK (char_length(action) BETWEEN 1 AND 100),
    target     text NOT NULL DEFAULT '' CHECK (char_length(target) <= 500),
    details    jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, id)
);
-- For ON DELETE SET NULL, which would otherwise read the whole table.
CREATE INDEX audit_events_user ON audit_events (user_id);

ALTER TABLE chat_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE chat_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_logs FORCE ROW LEVEL SECURITY;
ALTER TABLE usage_stats ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_stats FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON chat_sessions USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON chat_logs USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON usage_stats USING (client_id = app_client()) WITH CHECK (client_id = app_client());
CREATE POLICY tenant ON audit_events USING (client_id = app_client()) WITH CHECK (client_id = app_client());

GRANT SELECT, INSERT, UPDATE, DELETE ON chat_sessions, chat_logs, usage_stats TO chatconnect_app;
-- The audit trail is append-only: it goes with its client and not before.
GRANT SELECT, INSERT ON audit_events TO chatconnect_app;
