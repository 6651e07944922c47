// What must be over when it is said to be, and what must not.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { stopClock, visit } from '../harness/browser.mjs';
import { contract, gate } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { until } from '../harness/until.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const url = pages.add(shop({ script: api.url, key: api.key }));
const of = (method, path) => api.requests.filter((r) => r.method === method && r.path === path);
const text = (w, message) => w.in(message, 'answer').innerText().then((t) => t.trim());
const listen = () => {
  window.told = [];
  document.addEventListener('chatconnect:ready', ({ detail }) => {
    window.api = detail;
    for (const name of ['message', 'answer', 'error', 'restart', 'connection', 'reset', 'open']) detail.on(name, (e) => window.told.push({ name, ...e }));
  });
};

test('a question that is stopped while it is on its way is stopped where it arrived', async () => {
  api.reset();
  const accepted = gate();
  api.accepting = accepted.promise;
  api.answer = () => [{ token: 'Never wanted.' }, { hold: new Promise(() => {}) }];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask('Wait, no');
  await until('the question', () => of('POST', '/chat/stream').length > 0);
  const { messageId } = of('POST', '/chat/stream')[0].body;
  await w.stop.click();
  await until('the stop', () => of('POST', `/chat/${messageId}/stop`).length > 0);
  accepted.open();
  await w.ended(1, /^stopped$/);
  const [messages] = [...api.sessions.values()].slice(-1);
  assert.ok(messages.get(messageId).stopped);
  check();
  await close();
});

test('last_event_id_invalid: the answer is read from its beginning, and not doubled', async () => {
  api.reset();
  const cut = gate();
  api.answer = () => [{ token: 'Once ' }, { hold: cut.promise }, { cut: true }, { token: 'only.' }];
  let refused = 0;
  api.refuse = (request, path) => (request.method === 'GET' && path === '/chat/stream' && request.headers['last-event-id'] && !refused++ ? { status: 400, code: 'last_event_id_invalid' } : undefined);
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('How often?');
  await w.in(w.last, 'answer').getByText('Once').waitFor();
  cut.open();
  assert.equal(await text(w, await w.ended(1, /^answered$/)), 'Once only.');
  assert.equal(refused, 1);
  assert.equal(new Set(of('POST', '/chat/stream').map((r) => r.body.messageId)).size, 1);
  check();
  await close();
});

test('a failure of earlier is shown again, and is no news', async () => {
  api.reset();
  api.answer = () => [{ error: { code: 'generation_failed', message: 'No.' } }];
  const { page, w, check, close } = await visit(url, { init: [listen] });
  await w.open();
  await w.ask('Will it?');
  await w.ended(1, /^error$/);
  assert.equal((await page.evaluate(() => told.filter(({ name }) => name === 'error'))).length, 1);
  await page.reload();
  await w.reopened();
  await w.ended(1, /^error$/);
  await page.waitForTimeout(300); // what is said comes a tenth of a second later
  assert.deepEqual(await page.evaluate(() => told.filter(({ name }) => name === 'error')), []);
  assert.equal(await w.status.textContent(), '');
  api.answer = () => [{ token: 'It will.' }];
  await w.part('retry').click();
  assert.equal(await text(w, await w.ended(1, /^answered$/)), 'It will.');
  check();
  await close();
});

test('inline, its place gone for a while: a countdown goes on', async () => {
  api.reset();
  let refusals = 1;
  api.refuse = (_, path) => (path === '/chat/stream' && refusals-- > 0 ? { status: 429, code: 'rate_limited', headers: { 'Retry-After': '2' } } : undefined);
  const inline = pages.add(shop({ script: api.url, key: api.key, attributes: 'data-mode="inline" data-target="#chat"', body: '<div id="chat" style="height:500px"></div>' }));
  const { page, w, check, close } = await visit();
  await stopClock(page);
  await page.goto(inline);
  await w.panel.waitFor();
  await w.ask('Too fast?');
  await w.part('countdown').waitFor();
  await page.evaluate(() => {
    window.chat = document.getElementById('chat');
    window.chat.replaceChildren();
    window.chat.remove();
  });
  await page.clock.runFor(1000);
  await page.evaluate(() => document.querySelector('main').prepend(window.chat));
  await page.clock.resume();
  assert.equal(await text(w, await w.ended(1, /^answered$/)), 'You asked: Too fast?');
  check();
  await close();
});

test('the history is there though the server was away for a moment', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.answer('Before');
  let refusals = 1;
  api.refuse = (_, path) => (path.endsWith('/messages') && refusals-- > 0 ? { status: 503, code: 'unavailable' } : undefined);
  await page.reload();
  await w.reopened();
  await w.answer('After').catch(() => {}); // whichever is first
  await w.answers.nth(1).waitFor();
  assert.deepEqual(await w.asked(), ['Before', 'After']);
  check();
  await close();
});

test('an answer that came between two pages is unread, and no longer awaited', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ token: 'Begun, ' }, { hold: hold.promise }, { token: 'ended.' }];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask('When?');
  await w.in(w.last, 'answer').getByText('Begun').waitFor();
  await w.part('close').click();
  await page.goto(pages.add(shop({ tag: '' })));
  hold.open();
  await until('its end', () => [...api.sessions.values()].at(-1).values().next().value.ended);
  await page.goto(url);
  await w.part('badge').getByText('1').waitFor();
  await w.open();
  assert.equal(await text(w, await w.ended(1, /^answered$/)), 'Begun, ended.');
  await w.part('close').click();
  await w.panel.waitFor({ state: 'hidden' });
  api.requests.length = 0;
  await page.reload();
  await w.launcher.waitFor();
  await page.waitForTimeout(300);
  assert.deepEqual(api.requests.filter((r) => r.path.startsWith('/chat')).map((r) => `${r.method} ${r.path}`), [], 'there is nothing to go on with');
  check();
  await close();
});

test('destroyed while the panel was on its way: nothing goes on', async () => {
  api.reset();
  api.answer = () => [{ token: 'Under way' }, { hold: new Promise(() => {}) }];
  const { page, w, check, close } = await visit(url, { init: [listen] });
  await w.open();
  await w.ask('Still?');
  await w.in(w.last, 'answer').getByText('Under way').waitFor();
  await w.part('close').click();
  const arrived = gate();
  const go = gate();
  await page.route('**/widget/*.json', async (route) => {
    arrived.open();
    await go.promise;
    await route.continue();
  });
  await page.reload(); // and the question under way is gone on with, out of sight
  await arrived.promise;
  await page.evaluate(() => window.api.destroy());
  api.requests.length = 0;
  go.open();
  await page.waitForTimeout(500);
  assert.deepEqual(api.requests.filter((r) => r.path.startsWith('/chat')).map((r) => `${r.method} ${r.path}`), []);
  check();
  await close();
});

test('a destroyed widget does nothing any more, whatever it is told', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url, { init: [listen] });
  await w.open();
  await w.answer('First');
  await page.evaluate(() => {
    window.api.destroy();
    window.told.length = 0;
  });
  api.requests.length = 0;
  await page.evaluate(async () => {
    window.api.reset();
    await window.api.send('Hello?');
    await window.api.open();
    window.api.close();
    window.api.theme({ title: 'Other' });
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  assert.deepEqual(await page.evaluate(() => window.told), []);
  assert.deepEqual(api.requests.map((r) => `${r.method} ${r.path}`), []);
  assert.equal(await page.locator('chat-connect').count(), 0);
  check();
  await close();
});

test('destroyed before its configuration came: it is not asked for any longer', async () => {
  api.reset();
  api.refuse = (_, path) => (path === '/api/widget/config' ? { status: 503, code: 'unavailable' } : undefined);
  const { page, check, close } = await visit('', { init: [listen] });
  await stopClock(page);
  const refused = page.waitForResponse((response) => response.url().includes('/api/widget/config'));
  await page.goto(url);
  await (await refused).finished();
  await page.evaluate(() => window.api.destroy());
  await page.clock.runFor(10_000); // it would have asked after two seconds
  await page.waitForTimeout(300);
  assert.equal(of('GET', '/api/widget/config').length, 1);
  check();
  await close();
});
