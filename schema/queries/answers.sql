-- AnswerSettings is what a client has set for its answers, and how many tokens
-- they took this month, counted only if there is a limit.
-- name: AnswerSettings :one
SELECT c.model, c.monthly_token_budget,
    CASE WHEN c.monthly_token_budget IS NULL THEN 0 ELSE COALESCE((
        SELECT sum(u.input_tokens + u.output_tokens) FROM usage_stats u
        WHERE u.client_id = c.id AND u.day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date), 0) END::bigint AS used_tokens,
    COALESCE(c.budget_warned_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date, false)::boolean AS warned
FROM clients c WHERE c.id = @id;

-- WarnOfBudget notes the warning, and changes nothing if this month has had one.
-- name: WarnOfBudget :execrows
WITH warned AS (
    UPDATE clients c SET budget_warned_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
    WHERE c.id = @client_id AND c.budget_warned_month IS DISTINCT FROM date_trunc('month', now() AT TIME ZONE 'UTC')::date
    RETURNING c.id
)
INSERT INTO audit_events (client_id, action, target, details)
SELECT w.id, 'budget.warning', '', @details FROM warned w;
