import assert from 'node:assert/strict';
import test from 'node:test';
import { EventStreamParser } from '../../static/ui/sse.js';

function parse(chunks) {
  const events = [];
  const parser = new EventStreamParser((event) => events.push(event));
  for (const chunk of chunks) parser.push(chunk);
  return events;
}

const bytes = (text) => new TextEncoder().encode(text);

const STREAM = ': heartbeat\r\n\r\nevent: token\r\nid: 7\r\ndata: {"text":" naïve 🙂"}\r\n\r\n'
  + 'event:done\ndata:{"a":1}\n\ndata: two\ndata: lines\n\nretry: 10\n\nevent: token\rid: 9\rdata:  x\r\r';
const EXPECTED = [
  { type: 'token', data: '{"text":" naïve 🙂"}', id: '7' },
  { type: 'done', data: '{"a":1}', id: null },
  { type: 'message', data: 'two\nlines', id: null },
  { type: 'token', data: ' x', id: '9' },
];

test('a whole stream', () => assert.deepEqual(parse([bytes(STREAM)]), EXPECTED));

test('a stream cut at every byte', () => {
  const all = bytes(STREAM);
  for (let cut = 0; cut <= all.length; cut++) assert.deepEqual(parse([all.slice(0, cut), all.slice(cut)]), EXPECTED, `cut at ${cut}`);
  assert.deepEqual(parse([...all].map((b) => Uint8Array.of(b))), EXPECTED);
});

test('an event without its blank line is not delivered', () => {
  assert.deepEqual(parse([bytes('event: token\ndata: {"text":"half')]), []);
  assert.deepEqual(parse([bytes('data: x\n')]), []);
});

test('a byte order mark is skipped', () => {
  assert.deepEqual(parse([bytes('\uFEFFdata: x\n\n')]), [{ type: 'message', data: 'x', id: null }]);
});
