// What the browser tests share: a browser, people who use the page, and the
// rules every page must keep. BASE_URL is a running ChatConnect.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { until } from '../../../widget/tests/harness/until.mjs';
import { axe, launch, PATIENCE } from './chromium.mjs';

export const BASE_URL = process.env.BASE_URL?.replace(/\/$/, '');
if (!BASE_URL) throw new Error('Set BASE_URL to a running ChatConnect, for instance BASE_URL=http://localhost:5000 (make dev).');

const browser = await launch();
after(() => browser.close());

// The page holds to Trusted Types whatever the server sends.
const STRICT = "require-trusted-types-for 'script'; trusted-types 'none'";
const PASSWORD = 'a horse that reads manuals';
let people = 0;

/** Fact is what the uploaded manual says and the questions ask about. */
export const FACT = 'The Zephyr-9 coffee machine must be descaled every 41 days.';
export const QUESTION = 'How often must the Zephyr-9 be descaled?';

/**
 * open gives a page under the strictest policy and collects what must not
 * happen: policy violations, exceptions, requests to other hosts. check()
 * asserts that none did.
 */
export async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, baseURL: BASE_URL, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`exception: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(BASE_URL).origin) wrong.push(`request to ${request.url()}`);
  });
  page.on('response', (response) => {
    if (new URL(response.url()).pathname !== '/') return;
    const sent = response.headers()['content-security-policy'] ?? '';
    if (!/default-src 'self'/.test(sent) || /unsafe-/.test(sent)) wrong.push(`the page is served with the policy ${sent}`);
  });
  await page.exposeFunction('reportViolation', (text) => wrong.push(text));
  await page.addInitScript((policy) => {
    document.addEventListener('securitypolicyviolation', (event) => window.reportViolation(`${event.violatedDirective} in ${event.sourceFile}:${event.lineNumber}`));
    new MutationObserver((_, observer) => {
      if (!document.head) return;
      observer.disconnect();
      const meta = document.createElement('meta');
      meta.httpEquiv = 'Content-Security-Policy';
      meta.content = policy;
      document.head.prepend(meta);
    }).observe(document, { childList: true, subtree: true });
  }, STRICT);
  return { page, context, check: () => assert.deepEqual(wrong, []) };
}

/** accessible asserts that axe finds nothing, WCAG 2.2 AA and best practices. */
export async function accessible(page, state) {
  assert.deepEqual(await axe(page), [], `axe in state ${state}`);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(content <= window, `${state}: the page is ${content} px wide in a window of ${window} px`);
}

export function newPerson() {
  return { name: 'Ada Example', email: `ada-${Date.now().toString(36)}-${process.pid}-${people++}@example.com`, password: PASSWORD };
}

export async function register(page, person = newPerson()) {
  await page.goto('/');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Your name').fill(person.name);
  await page.getByLabel('Email address').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Name your website' }).waitFor();
  return person;
}

export async function createClient(page, name) {
  const listed = page.waitForResponse((response) => response.url().includes('/api/dashboard/documents?'));
  await page.getByLabel('Website name').first().fill(name);
  await page.getByRole('button', { name: 'Create website' }).first().click();
  await live(page);
  await (await listed).finished(); // a list that comes late knows nothing of what a test tells the feed
}

export async function live(page) {
  await page.locator('#live[data-state=live]').waitFor();
}

/**
 * feedOf lets a test put a document of its own into the live feed. It stays
 * there, though the server may send a fresh snapshot at any time.
 */
export async function feedOf(page) {
  const told = [];
  let socket;
  await page.routeWebSocket(/\/api\/dashboard\/events/, (route) => {
    socket = route;
    route.connectToServer().onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === 'snapshot') message.documents = [...(message.documents ?? []), ...told.filter(({ clientId }) => clientId === message.clientId)];
      route.send(JSON.stringify(message));
    });
  });
  const clientId = () => new URL(page.url()).searchParams.get('client');
  return {
    tell(document) {
      const now = new Date().toISOString();
      const whole = { id: crypto.randomUUID(), clientId: clientId(), size: 123_456, stage: '', progress: 0, chunksTotal: 0, chunksDone: 0, version: 1, error: null, createdAt: now, updatedAt: now, ...document };
      told.push(whole);
      socket.send(JSON.stringify({ type: 'document', document: whole }));
    },
    /** forget takes it all away again, as if it had been deleted while nobody listened. */
    forget() {
      told.length = 0;
      socket.send(JSON.stringify({ type: 'snapshot', clientId: clientId(), documents: [] }));
    },
  };
}

export function textFile(name, text) {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(text) };
}

/** manual is a text that takes a while to ingest and contains FACT once. */
export function manual(name = 'zephyr-9-manual.txt', paragraphs = 40) {
  const filler = (n) => `Chapter ${n}. The bean hopper of model ${n} holds ${200 + n} grams and is cleaned with a dry cloth after every ${n + 2} litres of coffee.`;
  const lines = Array.from({ length: paragraphs }, (_, n) => filler(n));
  lines.splice(Math.floor(paragraphs / 2), 0, FACT);
  return textFile(name, lines.join('\n\n'));
}

export async function upload(page, ...files) {
  await page.locator('#files').setInputFiles(files);
}

export function row(page, name) {
  return page.locator('.row', { has: page.locator('.row-name', { hasText: name }) });
}

export async function ready(page, name) {
  await row(page, name).and(page.locator('[data-status=ready]')).waitFor({ timeout: 3 * PATIENCE });
}

export async function ask(page, question) {
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Send question' }).click();
}

/** answered waits for the last answer's end and returns its element. */
export async function answered(page) {
  const answer = page.locator('.answer').last();
  await answer.and(page.locator(':not(.open)')).waitFor({ timeout: 3 * PATIENCE });
  return answer;
}

/** logged waits until the website's log has so many questions: it is written once their answers have been read. */
export async function logged(page, questions) {
  const clientId = new URL(page.url()).searchParams.get('client');
  await until(`${questions} questions in the log`, async () => {
    const response = await page.request.get(`/api/dashboard/chats?${new URLSearchParams({ clientId })}`);
    assert.equal(response.status(), 200, await response.text());
    const { conversations } = await response.json();
    return conversations.reduce((sum, { messages }) => sum + messages, 0) >= questions;
  }, { every: 100 });
}
