-- +goose Up
-- Messages that need no search, and requests for a person, have a status of
-- their own: they are no questions that the documents fail to answer.

ALTER TABLE chat_logs DROP CONSTRAINT chat_logs_status_check;
ALTER TABLE chat_logs ADD CONSTRAINT chat_logs_status_check
    CHECK (status IN ('answered', 'unanswered', 'smalltalk', 'handoff_requested', 'stopped', 'failed'));
ALTER TABLE usage_stats
    ADD COLUMN smalltalk bigint NOT NULL DEFAULT 0,
    ADD COLUMN handoff_requested bigint NOT NULL DEFAULT 0;
