import assert from 'node:assert/strict';
import test from 'node:test';
import { blockEnd, splitBlocks } from '../../static/ui/answer.js';
import { commandsFor, newer } from '../../static/ui/documents.js';

test('blocks end at blank lines outside code', () => {
  assert.deepEqual(splitBlocks('a\nb\n\n- c\n- d\n\n```\nx\n\ny\n```\n\ne'), ['a\nb', '- c\n- d', '```\nx\n\ny\n```', 'e']);
  assert.deepEqual(splitBlocks('\n\n  \n'), []);
});

test('growing text commits the same blocks as whole text', () => {
  const text = 'One\ntwo\n\n1. x\n2. y\n\n```js\na\n\nb\n```\n\n# End\n\nlast';
  const committed = [];
  let from = 0;
  for (let to = 1; to <= text.length; to++) {
    const end = from + blockEnd(text.slice(from, to));
    committed.push(...splitBlocks(text.slice(from, end)));
    from = end;
  }
  assert.deepEqual([...committed, ...splitBlocks(text.slice(from))], splitBlocks(text));
});

test('the later state of a document wins, whichever arrives first', () => {
  const old = { version: 1, updatedAt: '2026-11-23T10:00:00.1Z', status: 'parsing' };
  const late = { version: 1, updatedAt: '2026-11-23T10:00:00.25Z', status: 'ready' };
  const replaced = { version: 2, updatedAt: '2026-11-23T09:00:00Z', status: 'queued' };
  assert.equal(newer(old, late), late);
  assert.equal(newer(late, old), late);
  assert.equal(newer(late, replaced), replaced);
  assert.equal(newer(undefined, old), old);
});

test('a document offers what its state allows, and deleting last', () => {
  for (const [status, commands] of Object.entries({
    uploading: ['delete'], queued: ['cancel', 'delete'], embedding: ['cancel', 'delete'], storing: ['cancel', 'delete'],
    ready: ['delete'], failed: ['retry', 'delete'], cancelled: ['retry', 'delete'], deleting: [],
  })) assert.deepEqual(commandsFor({ status }), commands, status);
});
