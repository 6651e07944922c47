-- History leaves out what came to nothing. That a question was not answered is
-- a part of the conversation.
-- name: History :many
SELECT question, answer FROM chat_logs
WHERE client_id = @client_id AND session_id = @session_id AND status <> 'failed' AND answer <> ''
ORDER BY asked_at DESC, message_id DESC
LIMIT @max_rows::integer;

-- LogChat writes log, session and usage in one statement. Session and usage
-- are fed by the inserted log line, so a repeated message changes neither. The
-- line has all that the exchange took. Usage has it by model: what rewriting
-- the question took under the one that did it, which may have answered, too.
-- Rows are locked in the order of models, so that no two of these statements
-- wait for each other. Foreign keys are checked at the end of the statement.
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
), rewriting AS (
    SELECT @rewriting_model::text AS model, @rewriting_input_tokens::bigint AS input_tokens,
           @rewriting_output_tokens::bigint AS output_tokens, @rewriting_cached_tokens::bigint AS cached_tokens,
           @rewriting_cost_microusd::bigint AS cost_microusd
    FROM logged l
    WHERE @rewriting_model::text NOT IN ('', l.model)
), part AS (
    SELECT l.model, 1 AS questions, l.input_tokens - COALESCE(r.input_tokens, 0) AS input_tokens,
           l.output_tokens - COALESCE(r.output_tokens, 0) AS output_tokens,
           l.cached_tokens - COALESCE(r.cached_tokens, 0) AS cached_tokens,
           l.cost_microusd - COALESCE(r.cost_microusd, 0) AS cost_microusd
    FROM logged l LEFT JOIN rewriting r ON true
    UNION ALL
    SELECT model, 0, input_tokens, output_tokens, cached_tokens, cost_microusd FROM rewriting
), used AS (
    INSERT INTO usage_stats (client_id, day, model, questions, answered, unanswered, smalltalk, handoff_requested, stopped, failed,
                             input_tokens, output_tokens, cached_tokens, cost_microusd)
    SELECT l.client_id, (l.asked_at AT TIME ZONE 'UTC')::date, p.model, p.questions,
           p.questions * (l.status = 'answered')::integer, p.questions * (l.status = 'unanswered')::integer,
           p.questions * (l.status = 'smalltalk')::integer, p.questions * (l.status = 'handoff_requested')::integer,
           p.questions * (l.status = 'stopped')::integer, p.questions * (l.status = 'failed')::integer,
           p.input_tokens, p.output_tokens, p.cached_tokens, p.cost_microusd
    FROM logged l CROSS JOIN part p
    ORDER BY p.model
    ON CONFLICT (client_id, day, model) DO UPDATE SET
        questions = usage_stats.questions + excluded.questions,
        answered = usage_stats.answered + excluded.answered,
        unanswered = usage_stats.unanswered + excluded.unanswered,
        smalltalk = usage_stats.smalltalk + excluded.smalltalk,
        handoff_requested = usage_stats.handoff_requested + excluded.handoff_requested,
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
