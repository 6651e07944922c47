// The widget's reader of event streams against the reference, however the
// bytes arrive.

import assert from 'node:assert/strict';
import test from 'node:test';
import { random, SEED } from '../harness/random.mjs';
import { events } from '../harness/reference.mjs';
import { source } from '../harness/source.mjs';

const { eventStream } = await source('sse.ts');
const encode = (text) => new TextEncoder().encode(text);

function read(chunks) {
  const found = [];
  const push = eventStream((type, data, id) => found.push({ type, data, id }));
  for (const chunk of chunks) push(chunk);
  return found;
}

const ends = { LF: '\n', CR: '\r', CRLF: '\r\n' };
const lines = [
  ': heartbeat', '', 'event: token', 'id: 7', 'data: {"text":" naïve 👩‍👩‍👧‍👦 中文 é\\n"}', '', 'data', 'data:', '', 'data:two', 'data:  lines', 'retry: 10', 'unknown: field', '',
  'event', 'data: no type', '', 'event:sources', 'id:8', 'data:[]', '', 'event: lost', '', 'id: 9', '', 'data: 🙂', '', 'data::x: y', '', ':', '', 'data: \u2028line\u2029ends\u0085 that are none\u000b\u000c', '', 'event: done', 'id: 10', 'data: {}', '', 'data: half',
];

for (const [name, end] of Object.entries(ends)) {
  test(`${name}: one cut at every byte, two cuts at every pair, single bytes`, () => {
    const all = encode(lines.join(end));
    const expected = events(all);
    assert.ok(expected.length >= 8);
    assert.deepEqual(read([all]), expected);
    for (let cut = 0; cut <= all.length; cut++) assert.deepEqual(read([all.subarray(0, cut), all.subarray(cut)]), expected, `cut at ${cut}`);
    for (let a = 0; a <= all.length; a += 3) {
      for (let b = a; b <= all.length; b += 2) assert.deepEqual(read([all.subarray(0, a), all.subarray(a, b), all.subarray(b)]), expected, `cuts at ${a} and ${b}`);
    }
    assert.deepEqual(read([...all].map((byte) => Uint8Array.of(byte))), expected);
    assert.deepEqual(read([...all].flatMap((byte) => [Uint8Array.of(byte), new Uint8Array(0)])), expected, 'with empty chunks');
  });
}

test(`random streams, random chunks (SEED=${SEED})`, () => {
  const r = random();
  const words = ['data', 'event', 'id', 'retry', ':', ': ', 'x', 'token', 'é', '😀', '\u200d', '中', '\ufeff', '{"text":"a"}', ' ', '  '];
  for (let n = 0; n < 3000; n++) {
    let text = r() < 0.2 ? '\ufeff' : '';
    for (let i = r.int(30); i > 0; i--) {
      const kind = r();
      // The server's ids are decimal.
      if (kind < 0.15) text += `id: ${r.int(1000)}`;
      else if (kind < 0.4) text += `data: ${r.of(words)}${r.of(words)}`;
      else if (kind < 0.55) text += `event: ${r.of(words)}`;
      else if (kind < 0.75) text += Array.from({ length: r.int(4) }, () => r.of(words.filter((w) => w !== 'id'))).join('');
      text += r.of(Object.values(ends));
    }
    const all = encode(text);
    const chunks = [];
    for (let at = 0; at < all.length;) {
      const size = r() < 0.5 ? 1 : 1 + r.int(12);
      chunks.push(all.subarray(at, at + size));
      at += size;
    }
    assert.deepEqual(read(chunks), events(all), JSON.stringify(text));
  }
});

test('bytes that are no UTF-8 become U+FFFD wherever they are cut', () => {
  const all = new Uint8Array([...encode('data: a'), 0xf0, 0x9f, 0x41, 0xff, ...encode('b\n\ndata: '), 0xe2, 0x82, ...encode('\n\n')]);
  const expected = events(all);
  assert.match(expected[0].data, /\ufffd/);
  for (let cut = 0; cut <= all.length; cut++) assert.deepEqual(read([all.subarray(0, cut), all.subarray(cut)]), expected, `cut at ${cut}`);
});

test('an event is delivered with its last byte, also when that is a CR', () => {
  for (const end of Object.values(ends)) assert.equal(read([encode(`data: x${end}${end}`)]).length, 1, JSON.stringify(end));
});
