-- +goose Up
-- Which model answers a client's visitors, how much it may read and write in a
-- month, and what that cost.

ALTER TABLE clients
    -- '' is the tier's model.
    ADD COLUMN model text NOT NULL DEFAULT '' CHECK (char_length(model) <= 200),
    -- Input and output tokens of a calendar month in UTC; NULL sets no limit.
    ADD COLUMN monthly_token_budget bigint CHECK (monthly_token_budget > 0),
    -- The month in which its owner was last told that the budget nears its end.
    ADD COLUMN budget_warned_month date;

-- Millionths of a US dollar, by the price list at the time; 0 if it has no
-- price for the model.
ALTER TABLE chat_logs ADD COLUMN cost_microusd bigint NOT NULL DEFAULT 0 CHECK (cost_microusd >= 0);
ALTER TABLE usage_stats ADD COLUMN cost_microusd bigint NOT NULL DEFAULT 0;
