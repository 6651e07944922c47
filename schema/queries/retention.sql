-- Each of these takes a part at a time, so that no statement of a large client
-- runs into its time limit. A session goes with its exchanges.

-- name: ForgetSessions :execrows
DELETE FROM chat_sessions WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM chat_sessions s
    WHERE s.client_id = @client_id AND s.last_message_at < @before
      AND NOT EXISTS (SELECT FROM chat_logs l WHERE l.client_id = s.client_id AND l.session_id = s.id)
    LIMIT @max_rows::integer));

-- name: ForgetChatLogs :execrows
DELETE FROM chat_logs WHERE ctid = ANY (ARRAY(
    SELECT l.ctid FROM chat_logs l
    WHERE l.client_id = @client_id AND l.asked_at < @before
    ORDER BY l.asked_at LIMIT @max_rows::integer));

-- An opinion goes with its exchange, or by its own age if that was never
-- logged.
-- name: ForgetFeedback :execrows
DELETE FROM chat_feedback WHERE ctid = ANY (ARRAY(
    SELECT f.ctid FROM chat_feedback f
    WHERE f.client_id = @client_id AND f.created_at < @before
      AND NOT EXISTS (SELECT FROM chat_logs l
                      WHERE l.client_id = f.client_id AND l.session_id = f.session_id AND l.message_id = f.message_id)
    LIMIT @max_rows::integer));
