// The whole conversation against the product: real search, real workflow, real
// stream. Only the model is ours.

import assert from 'node:assert/strict';
import test from 'node:test';
import { accessible, visit } from '../harness/browser.mjs';
import { compressing } from '../harness/express.mjs';
import { shop } from '../harness/pages.mjs';
import { MARKDOWN, paused, product } from '../harness/product.mjs';

const { llm, running, client, between, pages, logged, url, page: newPage } = await product();
const QUESTION = 'Within how many days may customers return an article?';

test('a conversation: suggestion, citations, stop, feedback, history, new chat', async () => {
  await llm.set({ mode: 'context', gap: 2 });
  const settings = await client.call('GET', `/api/dashboard/widget/${client.clientId}`);
  await client.call('PUT', `/api/dashboard/widget/${client.clientId}`, { ...settings, title: 'Ask the demo shop', suggestedQuestions: [QUESTION], primaryColor: '#7a1fa2' });
  const { page, w, check, close } = await visit(url);
  await w.open();
  await page.getByRole('dialog', { name: 'Ask the demo shop' }).waitFor();
  await w.part('suggestion').getByText(QUESTION).click();
  const first = await w.ended(1);
  assert.equal(await first.getAttribute('data-status'), 'answered', await first.innerText());
  assert.match(await w.in(first, 'answer').innerText(), /30 days/);
  await w.in(first, 'cite').first().click();
  const source = first.locator('details[open]');
  await source.waitFor();
  assert.match(await source.innerText(), /welcome\.txt/);
  assert.match(await source.innerText(), /30 days of delivery/);
  await accessible(page, 'answered by the product');
  await w.in(first, 'feedback-down').click();
  await w.in(first, 'feedback-comment').fill('Weekends too? 🙂');
  await w.in(first, 'feedback-send').click();
  await w.in(first, 'feedback-form').waitFor({ state: 'hidden' });

  await llm.set({ mode: 'fixed', text: MARKDOWN.repeat(20), gap: 20, ...paused(200) }); // which is long after it is stopped, mostly
  await w.ask('Tell me everything about it.');
  await w.in(w.last, 'answer').getByText('Pack it').first().waitFor();
  await w.stop.click();
  const second = await w.ended(2);
  assert.equal(await second.getAttribute('data-status'), 'stopped');
  const soFar = await w.in(second, 'answer').innerHTML();
  assert.ok(soFar.length < MARKDOWN.length * 10);

  await llm.set({ mode: 'context', gap: 0 });
  await w.ask('What colour has the moon?');
  await w.ended(3, /^(unanswered|answered)$/);

  const before = await w.answers.evaluateAll((all) => all.map((e) => e.querySelector('[data-cc=answer]').innerHTML));
  await logged(page, 3);
  await page.reload();
  await w.reopened();
  await w.answers.nth(2).waitFor();
  assert.deepEqual(await w.answers.evaluateAll((all) => all.map((e) => e.querySelector('[data-cc=answer]').innerHTML)), before);
  assert.equal(await w.in(w.answers.first(), 'feedback-down').getAttribute('aria-pressed'), 'true');
  await w.part('new-chat').click();
  assert.equal(await w.messages.count(), 0);
  assert.match(await w.answer(QUESTION), /30 days/);
  check();
  await close();
});

test('what the product serves: headers, versioned file, no cookies', async () => {
  const script = await fetch(`${running.origin}/widget.js`, { headers: { Origin: 'https://stranger.example' } });
  assert.equal(script.status, 200);
  assert.match(script.headers.get('content-type'), /^(text|application)\/javascript/);
  assert.ok(script.headers.get('etag'));
  assert.equal(script.headers.get('access-control-allow-origin'), '*');
  assert.equal(script.headers.get('cross-origin-resource-policy'), 'cross-origin');
  assert.equal(script.headers.get('x-content-type-options'), 'nosniff');
  assert.match(script.headers.get('cache-control'), /max-age=\d{1,4}\b/);
  const again = await fetch(`${running.origin}/widget.js`, { headers: { 'If-None-Match': script.headers.get('etag') } });
  assert.equal(again.status, 304);
  const packed = await fetch(`${running.origin}/widget.js`, { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(packed.headers.get('content-encoding'), 'gzip');
  for (const answer of [script, again, packed]) assert.deepEqual(answer.headers.getSetCookie(), []);
});

test('behind Express with its compression, words come one by one', async () => {
  const front = await compressing(running.origin);
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 0, ...paused(60) });
  const { w, check, close } = await visit(pages.add(shop({ script: `${front.origin}/widget.js`, key: client.key })));
  await w.open();
  await w.ask(QUESTION);
  await w.reads('within 30 days');
  assert.equal(await w.last.getAttribute('data-status'), 'streaming', 'the model is still silent');
  assert.deepEqual(front.streams, [undefined]);
  await llm.set({ mode: 'context', gap: 0 });
  assert.equal(await (await w.ended(1)).getAttribute('data-status'), 'answered');
  check();
  await close();
  await front.close();
});

test('a site that is not allowed gets no widget', async () => {
  const settings = await client.call('GET', `/api/dashboard/widget/${client.clientId}`);
  await client.call('PUT', `/api/dashboard/widget/${client.clientId}`, { ...settings, allowedDomains: ['elsewhere.example'] });
  const { page, w, close } = await visit(newPage());
  await page.waitForTimeout(1500);
  assert.ok(!(await w.launcher.isVisible()));
  await client.call('PUT', `/api/dashboard/widget/${client.clientId}`, { ...settings, allowedDomains: ['shop.test'] });
  await page.waitForTimeout(1200); // a key's owner is cached for a second
  await page.goto(newPage({ lang: 'de' }));
  await w.open();
  await llm.set({ mode: 'context', gap: 0 });
  assert.match(await w.answer(QUESTION), /30 days/);
  await client.call('PUT', `/api/dashboard/widget/${client.clientId}`, { ...settings, allowedDomains: [] });
  await close();
});

test('no request carries a cookie, all of the API carry the key', async () => {
  between.requests.length = 0;
  const { context, w, close } = await visit();
  await context.addCookies([{ name: 'session', value: 'secret', url: between.origin }]);
  const page = w.root.page();
  await page.goto(url);
  await w.open();
  await w.answer(QUESTION);
  assert.ok(between.requests.length >= 4);
  for (const request of between.requests.filter((r) => !r.path.startsWith('/widget'))) {
    assert.equal(request.headers.cookie, undefined, request.path);
    if (request.method !== 'OPTIONS') assert.ok(request.headers['x-api-key'] === client.key || new URL(request.path, 'http://x').searchParams.get('key') === client.key, request.path);
  }
  await close();
});
