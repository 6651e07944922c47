-- History leaves out what came to nothing. That a question was not answered is
-- a part of the conversation.
-- name: History :many
SELECT question, answer FROM chat_logs
WHERE client_id = @client_id AND session_id = @session_id AND status <> 'failed' AND answer <> ''
ORDER BY asked_at DESC, message_id DESC
LIMIT @max_rows::integer;

-- LogChat writes log, session and usage in one statement. Session and usage
-- are fed by the inserted log line, so a repeated message changes neither.
-- Foreign keys are checked at the end of the statement.
-- name: LogChat :execrows
WITH logged AS (
    INSERT INTO chat_logs (client_id, session_id, message_id, question, answer, sources, metadata, status, error_code,
                           tier, provider, model, input_tokens, output_tokens, cached_tokens, cached, latency_ms,
                           time_to_first_token_ms, cost_microusd, asked_at)
    VALUES (@client_id, @session_id, @message_id, @question, @answer, @sources, @metadata, @status, @error_code,
            @tier, @provider, @model, @input_tokens, @output_tokens, @cached_tokens, @cached, @latency_ms,
            @time_to_first_token_ms, @cost_microusd, @asked_at)
    ON CONFLICT (client_id, session_id, message_id) DO NOTHING
    RETURNING *
), used AS (
    INSERT INTO usage_stats (client_id, day, model, questions, answered, unanswered, stopped, failed,
                             input_tokens, output_tokens, cached_tokens, cost_microusd)
    SELECT l.client_id, (l.asked_at AT TIME ZONE 'UTC')::date, l.model, 1,
           (l.status = 'answered')::integer, (l.status = 'unanswered')::integer, (l.status = 'stopped')::integer,
           (l.status = 'failed')::integer,
           l.input_tokens, l.output_tokens, l.cached_tokens, l.cost_microusd
    FROM logged l
    ON CONFLICT (client_id, day, model) DO UPDATE SET
        questions = usage_stats.questions + excluded.questions,
        answered = usage_stats.answered + excluded.answered,
        unanswered = usage_stats.unanswered + excluded.unanswered,
        stopped = usage_stats.stopped + excluded.stopped,
        failed = usage_stats.failed + excluded.failed,
        input_tokens = usage_stats.input_tokens + excluded.input_tokens,
        output_tokens = usage_stats.output_tokens + excluded.output_tokens,
        cached_tokens = usage_stats.cached_tokens + excluded.cached_tokens,
        cost_microusd = usage_stats.cost_microusd + excluded.cost_microusd,
        updated_at = now()
)
INSERT INTO chat_sessions (client_id, id, messages, last_message_at)
SELECT l.client_id, l.session_id, 1, l.asked_at FROM logged l
ON CONFLICT (client_id, id) DO UPDATE SET
    messages = chat_sessions.messages + 1,
    last_message_at = GREATEST(chat_sessions.last_message_at, excluded.last_message_at);

-- AddUsage counts what was spent besides an exchange.
-- name: AddUsage :exec
INSERT INTO usage_stats (client_id, day, model, input_tokens, output_tokens, cached_tokens, cost_microusd)
VALUES (@client_id, @day, @model, @input_tokens, @output_tokens, @cached_tokens, @cost_microusd)
ON CONFLICT (client_id, day, model) DO UPDATE SET
    input_tokens = usage_stats.input_tokens + excluded.input_tokens,
    output_tokens = usage_stats.output_tokens + excluded.output_tokens,
    cached_tokens = usage_stats.cached_tokens + excluded.cached_tokens,
    cost_microusd = usage_stats.cost_microusd + excluded.cost_microusd,
    updated_at = now();
