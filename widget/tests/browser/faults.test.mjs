// Connections break and processes die. The visitor reads the same text as if
// nothing had happened.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PATIENCE } from '../../../dashboard/tests/browser/chromium.mjs';
import { visit } from '../harness/browser.mjs';
import { MARKDOWN, paused, product } from '../harness/product.mjs';
import { random, SEED } from '../harness/random.mjs';

const CUTS = Number(process.env.CUTS ?? 50);
const { llm, running, client, between, logged, url } = await product();
// One visitor asks here as much as no visitor of the free tier may.
await running.setTier(client.clientId, 'paid');
const r = random();

/** about makes a question of it that the documents answer: without passages no model is asked. */
const about = (text) => `${text} Within how many days may customers return an article?`;
const html = (w, message) => w.in(message, 'answer').innerHTML();

/** undisturbed asks once without any fault. */
async function undisturbed() {
  between.cut = () => Infinity;
  between.streamed = 0;
  const { w, check, close } = await visit(url);
  await w.open();
  await w.answer(about('The undisturbed one?'));
  const body = await html(w, w.last);
  check();
  await close();
  return { body, bytes: between.streamed };
}

test(`${CUTS} cuts at random bytes: the text is identical (SEED=${SEED})`, async () => {
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 3 });
  const { body, bytes } = await undisturbed();
  assert.match(body, /<table>.*<\/table>/s);
  assert.ok(bytes > 1000, `${bytes} bytes were streamed`);
  const { w, check, close } = await visit(url);
  await w.open();
  between.cuts = 0;
  let answers = 0;
  const places = [];
  while (between.cuts < CUTS) {
    // The first connection of each answer breaks at some byte of it, and some
    // of those that take over break, too.
    let broken = 0;
    between.cut = () => {
      if (broken > 0 && r() < 0.6) return Infinity;
      broken++;
      const place = r.int(broken === 1 ? bytes : bytes / 2);
      places.push(place);
      return place;
    };
    if (answers > 0 && answers % 10 === 0) await w.part('new-chat').click();
    await w.ask(about(`Question ${answers}.`));
    const answer = await w.ended();
    answers++;
    assert.equal(await answer.getAttribute('data-status'), 'answered', await answer.innerText());
    assert.equal(await html(w, answer), body, `SEED=${SEED}, cut after ${places.slice(-5)} bytes`);
  }
  between.cut = () => Infinity;
  assert.ok(await w.notice.isHidden(), 'nothing is said any more about a lost connection');
  console.log(`${between.cuts} cuts in ${answers} answers of ${bytes} bytes, SEED=${SEED}`);
  check();
  await close();
});

test('kill -9 of api and worker in the middle of an answer: it is completed', async () => {
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 1 });
  const { body } = await undisturbed();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 25, ...paused(50) });
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask(about('Will you survive?'));
  await w.reads('Pack it');
  await running.kill();
  await w.notice.waitFor();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 1 });
  await running.start();
  const answer = await w.ended(1, undefined, 4 * PATIENCE);
  assert.equal(await answer.getAttribute('data-status'), 'answered', await answer.innerText());
  assert.equal(await html(w, answer), body);
  assert.ok(await w.notice.isHidden());
  assert.equal(await w.messages.count(), 2, 'one question, one answer');
  await logged(page, 1);
  await page.reload();
  await w.reopened();
  await w.answers.first().waitFor();
  assert.equal(await html(w, w.last), body, 'and the history says the same');
  check();
  await close();
});

test('killed before the question is accepted: it is asked and answered once', async () => {
  await llm.set({ mode: 'fixed', text: 'Answered **once**.', gap: 1 });
  const { w, check, close } = await visit(url);
  await w.open();
  await w.answer(about('First'));
  await running.kill();
  await w.ask(about('Into the void'));
  await w.notice.waitFor();
  await running.start();
  const answer = await w.ended(2, undefined, 4 * PATIENCE);
  assert.equal((await w.in(answer, 'answer').innerText()).trim(), 'Answered once.');
  assert.equal(await w.messages.count(), 4);
  check();
  await close();
});

test('the network is away for a while in the middle of an answer', async () => {
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 1 });
  const { body } = await undisturbed();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 10, ...paused(40) });
  const { context, w, check, close } = await visit(url);
  await w.open();
  await w.ask(about('Are you there?'));
  await w.reads('30 days');
  await context.setOffline(true);
  await w.notice.and(w.root.page().locator('[data-state=offline]')).waitFor();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 10 }); // it goes on meanwhile
  await context.setOffline(false);
  const answer = await w.ended(1);
  assert.equal(await html(w, answer), body);
  check();
  await close();
});

test('the tab is frozen in the middle of an answer, as a sleeping computer does', async () => {
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 1 });
  const { body } = await undisturbed();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 10, ...paused(40) });
  const { page, context, w, check, close } = await visit(url);
  await w.open();
  await w.ask(about('Do you sleep?'));
  await w.reads('30 days');
  const cdp = await context.newCDPSession(page);
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  between.down = true;
  between.server.closeAllConnections();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 10 });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  between.down = false;
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  const answer = await w.ended(1);
  assert.equal(await html(w, answer), body);
  check();
  await close();
});

test('another page in the middle of an answer: it goes on there', async () => {
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 1 });
  const { body } = await undisturbed();
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 12, ...paused(40) });
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask(about('Do you follow?'));
  await w.reads('30 days');
  await page.reload();
  await w.reopened();
  await w.reads('30 days');
  await llm.set({ mode: 'fixed', text: MARKDOWN, gap: 12 });
  const answer = await w.ended(1);
  assert.equal(await html(w, answer), body);
  check();
  await close();
});
