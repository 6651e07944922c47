// The product as `make dev` runs it, with a model server of ours behind it:
// started on free ports with a state directory of its own, killed, and started
// again on the same state.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE } from '../../../dashboard/tests/browser/chromium.mjs';
import { freePort } from './server.mjs';
import { until } from './until.mjs';

const BIN = process.env.BIN ?? fileURLToPath(new URL('../../../bin/', import.meta.url));
const START = { limit: 3 * PATIENCE }; // the product itself gives up before

/** child starts a program whose output is shown if a test wants to know. */
function child(program, args, environ) {
  const process_ = spawn(join(BIN, program), args, { env: environ, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const c = { process: process_, output: '', ended: new Promise((resolve) => process_.once('exit', resolve)) };
  for (const stream of [process_.stdout, process_.stderr]) stream.setEncoding('utf8').on('data', (text) => { c.output += text; });
  c.kill = async () => {
    try {
      process.kill(-process_.pid, 'SIGKILL'); // the whole group: api, worker, databases
    } catch {
      // it has ended by itself
    }
    await c.ended;
  };
  return c;
}

const basic = () => Object.fromEntries(['PATH', 'HOME', 'TMPDIR', 'GOCOVERDIR'].filter((name) => process.env[name]).map((name) => [name, process.env[name]]));

/** model starts the fake model server; set() turns its knobs (bench/fakemodel). */
export async function model() {
  const port = await freePort();
  const server = child('fakemodel', ['-listen', `127.0.0.1:${port}`], basic());
  const origin = `http://127.0.0.1:${port}`;
  await until('the fake model', () => server.output.includes('OPENAI_BASE_URL'));
  return {
    origin,
    kill: server.kill,
    async set(knobs) {
      const answer = await fetch(`${origin}/knobs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(knobs) });
      if (!answer.ok) throw new Error(`knobs: ${await answer.text()}`);
    },
    requests: () => fetch(`${origin}/requests`).then((r) => r.json()),
  };
}

/**
 * stack starts the product. With modelOrigin it asks that model server,
 * without it answers with the best-matching sentences of the documents.
 */
export async function stack({ modelOrigin, environ = {} } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'chatconnect-widget-'));
  await chmod(home, 0o755); // PostgreSQL runs as another user when we are root
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const secret = randomBytes(32).toString('hex');
  const settings = {
    ...basic(), INTERNAL_API_SECRET: secret, CHATCONNECT_HOME: home, PORT: String(port), METRICS_ADDR: '127.0.0.1:0',
    ...(modelOrigin && { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `${modelOrigin}/v1` }), ...environ,
  };
  const s = {
    origin,
    home,
    output: () => s.running.output,
    /** setTier does what only the operator may. */
    async setTier(clientId, tier) {
      const answer = await fetch(`${origin}/internal/client/${clientId}`, {
        method: 'PATCH', headers: { 'X-Internal-Secret': secret, 'Content-Type': 'application/json' }, body: JSON.stringify({ tier }),
      });
      if (!answer.ok) throw new Error(`tier: ${await answer.text()}`);
    },
    async start() {
      s.running = child('chatconnect-dev', [], settings);
      let ended = false;
      s.running.ended.then(() => { ended = true; });
      await until('the product', () => {
        if (ended) throw new Error(`the product has ended:\n${s.running.output}`);
        return fetch(`${origin}/readyz`).then((r) => r.ok, () => false);
      }, START);
    },
    /** kill is kill -9 of everything at once. */
    kill: () => s.running.kill(),
    async stop() {
      await s.running.kill();
      // PostgreSQL, which nobody killed, writes until it has shut itself down.
      await rm(home, { recursive: true, force: true, maxRetries: 30, retryDelay: 100 });
    },
  };
  await s.start();
  return s;
}

/** demo waits for the demo client and its document; returns its key and a logged-in call. */
export async function demo(product) {
  const account = await until('the demo account', () => readFile(join(product.home, 'demo.json'), 'utf8').then(JSON.parse, () => null));
  const login = await fetch(`${product.origin}/api/auth/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: account.email, password: account.password }) });
  if (!login.ok) throw new Error(`login: ${await login.text()}`);
  const cookie = login.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
  const call = async (method, path, body) => {
    const answer = await fetch(product.origin + path, { method, headers: { cookie, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : answer.json();
  };
  await until('the demo document', async () => {
    const { documents } = await call('GET', `/api/dashboard/documents?clientId=${account.clientId}`);
    return documents.length > 0 && documents.every((d) => d.status === 'ready');
  }, START);
  return { key: account.publishableKey, clientId: account.clientId, call };
}
