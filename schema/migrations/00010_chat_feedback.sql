-- +goose Up
-- What visitors think of answers, answers that were stopped, and how long a
-- client keeps its conversations.

-- A visitor may judge an answer a moment before it is logged, so an opinion
-- refers to no row of chat_logs; it is forgotten by its own age.
CREATE TABLE chat_feedback (
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    session_id text NOT NULL CHECK (char_length(session_id) BETWEEN 1 AND 128),
    message_id text NOT NULL CHECK (char_length(message_id) BETWEEN 1 AND 128),
    rating     text NOT NULL CHECK (rating IN ('up', 'down', 'none')),
    comment    text NOT NULL DEFAULT '' CHECK (char_length(comment) <= 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, session_id, message_id)
);
CREATE INDEX chat_feedback_age ON chat_feedback (client_id, created_at);
ALTER TABLE chat_feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE chat_feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON chat_feedback USING (client_id = app_client()) WITH CHECK (client_id = app_client());
GRANT SELECT, INSERT, UPDATE, DELETE ON chat_feedback TO chatconnect_app;

ALTER TABLE chat_logs DROP CONSTRAINT chat_logs_status_check;
ALTER TABLE chat_logs ADD CONSTRAINT chat_logs_status_check
    CHECK (status IN ('answered', 'unanswered', 'stopped', 'failed'));
ALTER TABLE usage_stats ADD COLUMN stopped bigint NOT NULL DEFAULT 0;

-- NULL keeps conversations for ever.
ALTER TABLE clients ADD COLUMN retention_days integer CHECK (retention_days BETWEEN 1 AND 3650);
GRANT SELECT (retention_days, deleting_at) ON clients TO chatconnect_lookup;

GRANT CREATE ON SCHEMA public TO chatconnect_lookup;

-- Clients that have set a retention and are not being deleted, behind after in
-- the order of their ids.
-- +goose StatementBegin
CREATE FUNCTION chat_retentions(after uuid, max_rows integer)
    RETURNS TABLE (client_id uuid, days integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.id, c.retention_days FROM public.clients c
    WHERE c.retention_days IS NOT NULL AND c.deleting_at IS NULL AND c.id > chat_retentions.after
    ORDER BY c.id
    LIMIT chat_retentions.max_rows
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION chat_retentions(uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chat_retentions(uuid, integer) TO chatconnect_app;
ALTER FUNCTION chat_retentions(uuid, integer) OWNER TO chatconnect_lookup;
REVOKE CREATE ON SCHEMA public FROM chatconnect_lookup;
