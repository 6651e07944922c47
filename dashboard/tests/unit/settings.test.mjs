import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.document = { getElementById: () => ({}) };
const { budgetNote, changes, modelText, monthsLimit, quotaText, retentionNote, retentionText, usedText, whole } = await import('../../static/ui/settings.js');

test('numbers are read as people write them, and nothing else becomes one', () => {
  for (const [text, want] of [
    ['', null], ['  ', null], ['0', 0], ['30', 30], [' 30 ', 30], ['007', 7],
    ['1,000', 1000], ['1,000,000', 1_000_000], ['1 000 000', 1_000_000], ['1\u202f000', 1000], ['1\u00a0000', 1000], ["1'000", 1000], ['12,345', 12_345],
    ['9007199254740991', 9_007_199_254_740_991],
  ]) assert.equal(whole(text), want, JSON.stringify(text));
  // What is no number is sent as it is, never as "no limit".
  for (const text of ['x', '-1', '+1', '1.5', '1,5', '1.000', '1,00,000', '10,00', ',100', '1e6', '0x10', '٣', '9007199254740993', '9'.repeat(400)]) {
    assert.equal(whole(text), text, text);
  }
});

test('only what differs is sent', () => {
  const before = { name: 'Shop', model: '', tokenBudget: null, retentionDays: 30 };
  assert.deepEqual(changes(before, { ...before }), {});
  assert.deepEqual(changes(before, { ...before, retentionDays: null, tokenBudget: 5 }), { retentionDays: null, tokenBudget: 5 });
});

test('settings are said in words', () => {
  const client = { tier: 'free', model: '', tokenBudget: null, retentionDays: null };
  assert.equal(modelText(client, ['a']), 'The free tier’s model');
  assert.equal(modelText({ ...client, model: 'a' }, ['a']), 'a');
  assert.equal(modelText({ ...client, tier: 'paid', model: 'gone' }, ['a']), 'gone is not available any more. The paid tier’s model answers.');
  assert.equal(usedText(client, null), 'No limit');
  assert.equal(usedText(client, 1234), '1,234 used this month, no limit');
  assert.equal(usedText({ ...client, tokenBudget: 1_000_000 }, null), '1,000,000 at most');
  assert.equal(usedText({ ...client, tokenBudget: 1_000_000 }, 1234), '1,234 of 1,000,000 used this month');
  assert.equal(retentionText(client), 'Kept until they are deleted');
  assert.equal(retentionText({ ...client, retentionDays: 1 }), 'Kept for 1 day');
});

test('what saving would do is said before', () => {
  for (const [limit, used] of [[undefined, 5], [null, 5], ['x', 5], [10, 9], [10, null]]) assert.equal(budgetNote(limit, used), '', `${limit} ${used}`);
  for (const used of [10, 11]) assert.match(budgetNote(10, used), /no answers/);
  for (const [days, before] of [[undefined, null], [null, 30], ['x', 30], [0, null], [31, 30], [30, 30]]) assert.equal(retentionNote(days, before), '', `${days} ${before}`);
  assert.match(retentionNote(29, 30), /older than 29 days/);
  assert.match(retentionNote(3650, null), /older than 3,650 days/);
});

test('the operator’s ceiling is told as such', () => {
  assert.equal(monthsLimit({ tokenBudget: null, tokenCeiling: null }), null);
  assert.equal(monthsLimit({ tokenBudget: 5, tokenCeiling: 9 }), 5);
  assert.equal(monthsLimit({ tokenBudget: 10, tokenCeiling: 9 }), 9);
  assert.equal(usedText({ tokenBudget: 5, tokenCeiling: 9 }, 1), '1 of 5 used this month');
  assert.equal(usedText({ tokenBudget: null, tokenCeiling: 5_000_000 }, 1), '1 of 5,000,000 used this month (the operator’s limit)');
  assert.equal(usedText({ tokenBudget: null, tokenCeiling: 9 }, null), '9 at most (the operator’s limit)');
});

test('what a website has of what is bounded', () => {
  assert.equal(quotaText(undefined), '');
  assert.equal(quotaText({ documents: { used: 3, limit: 1000 }, bytes: { used: 3 * 2 ** 19, limit: 2 ** 30 }, keys: { used: 1, limit: null } }),
    '3 of 1,000 documents, 1.5 MiB of 1,024 MiB, 1 keys');
});
