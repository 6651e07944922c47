import assert from 'node:assert/strict';
import test from 'node:test';
import { streamAnswer } from '../../static/ui/stream.js';

/** script answers each request with the next of replies, and records them. */
function script(replies) {
  const requests = [];
  return {
    requests,
    async fetch(url, options) {
      requests.push({ method: options.method ?? 'GET', url, lastId: options.headers['Last-Event-ID'] ?? '', token: options.headers['x-session-token'] });
      const reply = replies[requests.length - 1];
      assert.ok(reply, `unexpected request ${requests.length}: ${url}`);
      if (reply instanceof Error) throw reply;
      if (reply.status) return new Response(JSON.stringify(reply.body ?? {}), { status: reply.status, headers: reply.headers });
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(reply.events.join('')));
          if (!reply.cut) controller.close();
        },
        pull(controller) { // asked for more after the first part was read
          controller.error(new TypeError('network error'));
        },
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
    },
  };
}

const event = (id, type, data) => `event: ${type}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
const token = (id, text) => event(id, 'token', { text });

async function run(replies, options = {}) {
  const server = script(replies);
  const seen = { text: '', restarts: 0, sources: null, done: null, error: null, connections: [] };
  const waits = [];
  const outcome = await streamAnswer({
    key: 'pk', session: { id: 's', token: 't' }, messageId: 'm', message: 'q', fetch: server.fetch,
    wait: async (ms) => waits.push(ms),
    on: {
      token: (text) => { seen.text += text; },
      restart: () => { seen.text = ''; seen.restarts++; },
      sources: (sources) => { seen.sources = sources; },
      done: (done) => { seen.done = done; },
      error: (error) => { seen.error = error; },
      connection: (state) => seen.connections.push(state),
    },
    ...options,
  }).catch((error) => error);
  return { outcome, seen, waits, requests: server.requests };
}

test('an answer in one piece', async () => {
  const r = await run([{ events: [event(1, 'sources', [{ name: 'a' }]), token(2, 'Hel'), token(3, 'lo'), event(4, 'done', { messageId: 'm' })] }]);
  assert.equal(r.outcome, 'done');
  assert.equal(r.seen.text, 'Hello');
  assert.deepEqual(r.requests.map((q) => q.method), ['POST']);
});

test('a cut connection is resumed after the last event, and nothing is shown twice', async () => {
  const r = await run([
    { events: [token(1, 'a'), token(2, 'b'), 'event: token\nid: 3\ndata: {"te'], cut: true },
    { events: [token(2, 'b'), token(3, 'c')], cut: true },
    { events: [token(4, 'd'), event(5, 'done', {})] },
  ]);
  assert.equal(r.outcome, 'done');
  assert.equal(r.seen.text, 'abcd');
  assert.deepEqual(r.requests.map((q) => [q.method, q.lastId]), [['POST', ''], ['GET', '2'], ['GET', '3']]);
  assert.ok(r.requests[1].url.includes('messageId=m') && r.requests[1].url.includes('sessionId=s'));
  assert.deepEqual(r.requests.map((q) => q.token), ['t', 't', 't']);
  assert.deepEqual(r.seen.connections, ['open', 'lost', 'open', 'lost', 'open']);
});

test('a stream that ends without a last event is not taken for complete', async () => {
  const r = await run([{ events: [token(1, 'a')] }, { events: [event(2, 'done', {})] }]);
  assert.equal(r.outcome, 'done');
  assert.equal(r.requests.length, 2);
});

test('reconnect is obeyed', async () => {
  const r = await run([{ events: [token(1, 'a'), 'event: reconnect\ndata: {}\n\n'] }, { events: [token(2, 'b'), event(3, 'done', {})] }]);
  assert.equal(r.seen.text, 'ab');
  assert.equal(r.outcome, 'done');
});

test('a new attempt replaces the text', async () => {
  const r = await run([{ events: [token(1, 'wrong'), event(1_000_001, 'restart', { attempt: 2 }), token(1_000_002, 'right'), event(1_000_003, 'done', {})] }]);
  assert.equal(r.seen.text, 'right');
  assert.equal(r.seen.restarts, 1);
});

test('a refused question is not repeated', async () => {
  for (const status of [400, 401, 403, 413, 429]) {
    const r = await run([{ status, body: { code: 'x', detail: 'Because.' } }]);
    assert.equal(r.outcome.message, 'Because.');
    assert.equal(r.requests.length, 1);
  }
});

test('a server that is away is asked again, as slowly as it wishes', async () => {
  const r = await run([new TypeError('failed'), { status: 503, headers: { 'Retry-After': '7' } }, { events: [event(1, 'done', {})] }]);
  assert.equal(r.outcome, 'done');
  assert.deepEqual(r.requests.map((q) => q.method), ['POST', 'POST', 'POST']);
  assert.equal(r.waits[1], 7000);
});

test('an answer whose record is gone is asked for once more', async () => {
  const again = await run([{ status: 404 }, { events: [token(1, 'a'), event(2, 'done', {})] }], { posted: true });
  assert.equal(again.outcome, 'done');
  assert.deepEqual(again.requests.map((q) => q.method), ['GET', 'POST']);
  const gone = await run([{ status: 404 }, { status: 404, body: { detail: 'Gone.' } }], { posted: true });
  assert.equal(gone.outcome.message, 'Gone.');
});

test('it gives up at last', async () => {
  let clock = 0;
  const r = await run([new TypeError('1'), new TypeError('2'), new TypeError('3')], { now: () => (clock += 70_000) });
  assert.equal(r.outcome.status, 0);
  assert.match(r.outcome.message, /connection was lost/);
});

test('an error event ends the answer', async () => {
  const r = await run([{ events: [token(1, 'a'), event(2, 'error', { code: 'model_unavailable', message: 'Later.' })] }]);
  assert.equal(r.outcome, 'error');
  assert.equal(r.seen.error.message, 'Later.');
});

test('an id that the server does not know is given up for the beginning', async () => {
  const r = await run([
    { events: [token(5, 'old')], cut: true },
    { status: 400, body: { code: 'last_event_id_invalid' } },
    { events: [token(1, 'new'), event(2, 'done', {})] },
  ]);
  assert.equal(r.outcome, 'done');
  assert.equal(r.seen.text, 'new');
  assert.deepEqual(r.requests.map((q) => [q.method, q.lastId]), [['POST', ''], ['GET', '5'], ['GET', '']]);
});
