-- AnswerSettings is what a client has set for its answers, the language of its
-- widget, and the month's budget. Tokens are counted only where there is a limit, and those of built-in
-- models never.
-- name: AnswerSettings :one
WITH client AS (
    SELECT c.id, c.model, c.monthly_token_budget, c.budget_warned_month,
        COALESCE(c.token_ceiling, CASE c.tier WHEN 'paid' THEN @paid_ceiling::bigint ELSE @free_ceiling::bigint END)::bigint AS ceiling,
        (@account_ceiling::bigint > 0 AND c.tier = 'free' AND c.token_ceiling IS NULL)::boolean AS shares_account,
        date_trunc('month', now() AT TIME ZONE 'UTC')::date AS month
    FROM clients c WHERE c.id = @id
)
SELECT c.model, c.monthly_token_budget, c.ceiling, c.shares_account,
    COALESCE((SELECT w.locale FROM widgets w WHERE w.client_id = c.id), '')::text AS locale,
    CASE WHEN c.monthly_token_budget IS NULL AND c.ceiling = 0 THEN 0 ELSE COALESCE((
        SELECT sum(u.input_tokens + u.output_tokens) FROM usage_stats u
        WHERE u.client_id = c.id AND u.day >= c.month AND u.model <> ALL (@unpaid_models::text[])), 0) END::bigint AS used_tokens,
    CASE WHEN c.shares_account THEN account_tokens(@unpaid_models::text[]) ELSE 0 END::bigint AS account_used,
    COALESCE(c.budget_warned_month = c.month, false)::boolean AS warned
FROM client c;

-- WarnOfBudget notes the warning, and changes nothing if this month has had one.
-- name: WarnOfBudget :execrows
WITH warned AS (
    UPDATE clients c SET budget_warned_month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
    WHERE c.id = @client_id AND c.budget_warned_month IS DISTINCT FROM date_trunc('month', now() AT TIME ZONE 'UTC')::date
    RETURNING c.id
)
INSERT INTO audit_events (client_id, action, target, details)
SELECT w.id, 'budget.warning', '', @details FROM warned w;
