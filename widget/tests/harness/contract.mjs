// A server that speaks the API a widget uses, and says what a test wants said.
// It exists for what the product can't be made to say: hostile texts, 429 at
// will, an answer that waits in the middle for a picture to be taken. What the
// product can say is tested on the product.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { bodyOf, serve } from './server.mjs';

export const KEY = 'pk_live_contract000000000000000000';

const CONFIG = {
  clientId: '00000000-0000-4000-8000-000000000001', title: 'Chat with us', greeting: 'Hi! Ask me anything about our documents.',
  placeholder: 'Type your question', suggestedQuestions: [], primaryColor: '#2457d6', position: 'bottom-right', colorScheme: 'auto', locale: 'auto',
};
export const SOURCES = [
  { index: 1, documentId: '00000000-0000-4000-8000-0000000000d1', name: 'zephyr-9-manual.pdf', page: 12, score: 0.91, snippet: 'The Zephyr-9 coffee machine must be descaled every 41 days.' },
  { index: 2, documentId: '00000000-0000-4000-8000-0000000000d2', name: 'price-list-2026.csv', row: 41, score: 0.72, snippet: 'article: descaler; price: 9.50 EUR' },
];
const DIST = new URL('../../dist/', import.meta.url);
const HEADERS = 'content-type, x-api-key, last-event-id, x-session-token, if-none-match, x-request-id, traceparent';
const EXPOSED = 'ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id, X-Session-Id, X-Session-Token';

/**
 * contract starts the server. What it says is in its fields, which tests set:
 *
 * config    what GET /api/widget/config returns
 * answer    (question, ask) => steps, where a step is {token}, {wait: ms},
 *           {hold: promise}, {sources}, {restart}, {error}, {done}, or
 *           {cut: true}, which breaks every connection that reads this answer;
 *           done follows by itself unless an error or a done is there
 * refuse    (request, path) => undefined, or {status, code, headers, detail}
 * accepting a promise that a question's stream waits for; it is asked before
 * requests  every request: {method, path, headers, body, at}
 */
export async function contract({ port = 0 } = {}) {
  const secret = randomBytes(16);
  const sessions = new Map(); // session -> message -> answer
  const state = {
    key: KEY,
    config: { ...CONFIG },
    answer: (question) => [{ token: `You asked: ` }, { token: question }, { sources: SOURCES }],
    refuse: () => undefined,
    accepting: undefined,
    requests: [],
    sessions,
    reset() {
      state.config = { ...CONFIG };
      state.answer = (question) => [{ token: `You asked: ` }, { token: question }, { sources: SOURCES }];
      state.refuse = () => undefined;
      state.accepting = undefined;
      state.requests.length = 0;
    },
  };
  const tokenOf = (session) => createHmac('sha256', secret).update(session).digest('base64url');

  function problem(response, status, code, detail = 'As the test wanted.', headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers });
    response.end(JSON.stringify({ type: 'about:blank', title: code, status, detail, code, requestId: 'req-test' }));
  }

  function json(response, status, value, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(value));
  }

  /** file serves the built widget: /widget.js, and the versioned files under /widget/. */
  async function file(response, path) {
    const name = path.split('/').at(-1);
    if (!(await readdir(DIST)).includes(name)) return problem(response, 404, 'not_found');
    const content = await readFile(new URL(name, DIST));
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
    response.writeHead(200, {
      'Content-Type': name.endsWith('.json') ? 'application/json' : 'text/javascript; charset=utf-8', 'Cache-Control': 'public, max-age=300', ETag: tag,
      'X-Content-Type-Options': 'nosniff', 'Cross-Origin-Resource-Policy': 'cross-origin', 'Access-Control-Allow-Origin': '*',
    });
    response.end(content);
  }

  /** run plays an answer's steps into its record; readers follow that. */
  async function run(answer, steps, messageId, sessionId) {
    const add = (type, data) => {
      answer.events.push({ id: answer.events.length + 1, type, data });
      answer.wake();
    };
    let sources = [], ended = false;
    for (const step of steps) {
      if (answer.stopped) break;
      if ('wait' in step) await Promise.race([new Promise((r) => setTimeout(r, step.wait)), answer.stopping]);
      else if ('hold' in step) await Promise.race([step.hold, answer.stopping]);
      else if ('token' in step) {
        answer.text += step.token;
        add('token', { text: step.token });
      } else if ('sources' in step) add('sources', (sources = step.sources));
      else if ('restart' in step) {
        answer.text = '';
        add('restart', { attempt: step.restart });
      } else if ('cut' in step) {
        for (const response of answer.readers) response.socket?.resetAndDestroy();
      } else if ('error' in step) {
        answer.status = 'failed';
        ended = true;
        add('error', step.error);
      } else if ('done' in step) {
        ended = true;
        answer.status = step.done.status ?? 'answered';
        add('done', { messageId, sessionId, usage: { inputTokens: 1, outputTokens: 1 }, sources, cached: false, status: answer.status, ...step.done });
      } else throw new Error(`no such step: ${JSON.stringify(step)}`);
    }
    answer.sources = sources;
    if (!ended) {
      answer.status = answer.stopped ? 'stopped' : 'answered';
      add('done', { messageId, sessionId, usage: { inputTokens: 1, outputTokens: 1 }, sources, cached: false, status: answer.status });
    }
    answer.ended = true;
    answer.wake();
  }

  async function follow(response, answer, after) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform', 'X-Accel-Buffering': 'no' });
    response.write(': ok\n\n');
    answer.readers.add(response);
    response.on('close', () => {
      answer.readers.delete(response);
      answer.wake();
    });
    for (let next = after; ;) {
      for (; next < answer.events.length; next++) {
        const { id, type, data } = answer.events[next];
        response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
      }
      if (response.closed || response.destroyed) return;
      if (answer.ended) return void response.end();
      await answer.more();
    }
  }

  function newAnswer(question) {
    let wakes = [];
    let stop;
    const stopping = new Promise((resolve) => { stop = resolve; });
    const answer = {
      question, events: [], text: '', sources: [], status: 'running', ended: false, stopped: false, stopping, rating: 'none', comment: '', asked: 0,
      readers: new Set(), askedAt: new Date().toISOString(),
      wake() {
        const all = wakes;
        wakes = [];
        for (const w of all) w();
      },
      more: () => new Promise((resolve) => wakes.push(resolve)),
      stop() {
        answer.stopped = true;
        stop();
      },
    };
    return answer;
  }

  const lastEventId = (request) => Number(request.headers['last-event-id'] ?? 0);

  async function handle(request, response) {
    const url = new URL(request.url, 'http://x');
    const path = url.pathname;
    const { origin } = request.headers;
    response.setHeader('Vary', 'Origin');
    if (origin) {
      response.setHeader('Access-Control-Allow-Origin', origin === 'null' ? '*' : origin);
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    }
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'Access-Control-Allow-Methods': 'GET, POST, OPTIONS', 'Access-Control-Allow-Headers': HEADERS, 'Access-Control-Max-Age': '7200' });
      return response.end();
    }
    const raw = await bodyOf(request);
    const body = raw.length > 0 ? JSON.parse(raw) : {};
    state.requests.push({ method: request.method, path, query: Object.fromEntries(url.searchParams), headers: request.headers, body, at: performance.now() });
    const refusal = state.refuse(request, path, body);
    if (refusal === 'cut') return request.socket.resetAndDestroy();
    if (refusal) return problem(response, refusal.status, refusal.code, refusal.detail, refusal.headers);
    if (path === '/widget.js' || path.startsWith('/widget/')) return file(response, path);
    const key = request.headers['x-api-key'] ?? (path === '/api/widget/config' ? url.searchParams.get('key') : null);
    if (key !== state.key) return problem(response, 401, 'api_key_invalid');
    if (path === '/api/widget/config') {
      const content = JSON.stringify(state.config);
      const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
      const headers = { ETag: tag, 'Cache-Control': 'private, max-age=60' };
      if (request.headers['if-none-match'] === tag) {
        response.writeHead(304, headers);
        return response.end();
      }
      return json(response, 200, state.config, headers);
    }
    if (path === '/chat/sessions' && request.method === 'POST') {
      const sessionId = `s_${randomBytes(18).toString('base64url')}`;
      return json(response, 201, { sessionId, sessionToken: tokenOf(sessionId) });
    }
    const inPath = path.match(/^\/chat\/sessions\/([^/]+)\/messages$/);
    const session = body.sessionId ?? url.searchParams.get('sessionId') ?? inPath?.[1];
    if (!session || request.headers['x-session-token'] !== tokenOf(session)) return problem(response, 401, 'session_token_invalid');
    const messages = sessions.get(session) ?? new Map();
    sessions.set(session, messages);
    if (inPath) {
      return json(response, 200, { messages: [...messages].filter(([, a]) => a.ended).slice(-50).map(([messageId, a]) => ({ messageId, question: a.question, answer: a.text, sources: a.sources, status: a.status, rating: a.rating, askedAt: a.askedAt })) });
    }
    if (path === '/chat/stream' && request.method === 'POST') {
      const length = [...String(body.message ?? '')].length;
      if (length < 1 || length > 2000) return problem(response, 400, 'message_length_invalid');
      if (!/^[\w-]{1,128}$/.test(body.messageId ?? '')) return problem(response, 400, 'message_id_invalid');
      let answer = messages.get(body.messageId);
      if (!answer) {
        answer = newAnswer(body.message);
        messages.set(body.messageId, answer);
        run(answer, state.answer(body.message, body), body.messageId, session).catch((error) => console.error(error));
      }
      answer.asked++;
      await state.accepting;
      return follow(response, answer, lastEventId(request));
    }
    if (path === '/chat/stream') {
      const answer = messages.get(url.searchParams.get('messageId'));
      if (!answer) return problem(response, 404, 'message_unknown');
      const after = lastEventId(request);
      if (!Number.isInteger(after) || after > answer.events.length) return problem(response, 400, 'last_event_id_invalid');
      return follow(response, answer, after);
    }
    const action = path.match(/^\/chat\/([^/]+)\/(stop|feedback)$/);
    const answer = action && messages.get(action[1]);
    if (!answer) return problem(response, 404, 'message_unknown');
    if (action[2] === 'stop') {
      answer.stop();
      return json(response, 202, {});
    }
    if (!['up', 'down', 'none'].includes(body.rating) || [...(body.comment ?? '')].length > 1000) return problem(response, 400, 'feedback_invalid');
    answer.rating = body.rating;
    answer.comment = body.comment ?? '';
    response.writeHead(204);
    response.end();
  }

  const http = await serve(handle, port);
  return Object.assign(state, http, { url: `${http.origin}/widget.js` });
}

/** gate returns a promise and what resolves it. */
export function gate() {
  let open;
  const promise = new Promise((resolve) => { open = resolve; });
  return { promise, open };
}
