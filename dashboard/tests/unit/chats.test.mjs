import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.document = { getElementById: () => ({}) };
const { budgetText, totals, usageText } = await import('../../static/ui/chats.js');

const day = (values) => ({ day: '2026-05-01', model: 'm', questions: 0, answered: 0, unanswered: 0, stopped: 0, failed: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0, costMicroUsd: 0, ...values });

test('usage is the sum of days and models', () => {
  assert.equal(totals([day({ questions: 2, answered: 1, stopped: 1 }), day({ questions: 3, answered: 3 })]).questions, 5);
  assert.equal(usageText([]), 'Nothing was asked in the last 30 days.');
  assert.equal(usageText([day({ questions: 1, answered: 1 })]), 'Last 30 days: 1 question, 1 answered.');
  assert.equal(
    usageText([day({ questions: 1500, answered: 1490, unanswered: 7, smalltalk: 40, handoffRequested: 2, failed: 3, inputTokens: 900_000, outputTokens: 100_000, costMicroUsd: 1_234_567 })]),
    'Last 30 days: 1,500 questions, 1,490 answered, 7 unanswered, 40 small talk, 2 asked for a person, 3 failed, 1,000,000 tokens, about $1.23.',
  );
});

test('a budget that nears its end is told', () => {
  assert.equal(budgetText(null), '');
  assert.equal(budgetText({ limit: 1000, used: 799, low: false, exhausted: false }), '');
  assert.match(budgetText({ limit: 1000, used: 999, low: true, exhausted: false }), /^99 % of this month’s budget of 1,000 tokens is used\./);
  assert.match(budgetText({ limit: 1000, used: 1200, low: true, exhausted: true }), /^This month’s budget of 1,000 tokens is used up: /);
});
