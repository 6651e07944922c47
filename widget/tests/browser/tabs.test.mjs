// One visitor, several pages: tabs beside each other, and pages that the
// browser keeps for going back. All write to the same storage.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { another, cameBack, notesReturns, visit, widget } from '../harness/browser.mjs';
import { contract, gate } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const url = pages.add(shop({ script: api.url, key: api.key }));
const posted = () => api.requests.filter((r) => r.method === 'POST' && r.path === '/chat/stream');
const kept = (page) => page.evaluate((key) => JSON.parse(localStorage[`chatconnect:${key}`]), api.key);

/** beside opens the page in one more tab. */
async function beside({ context }) {
  const page = await context.newPage();
  await page.goto(url);
  const w = widget(page);
  await w.launcher.waitFor();
  return { page, w };
}

/** heard waits until a tab finds in its storage what another has left there: browsers take it from one process to the other in their own time. */
async function heard({ page: listener }, { page: writer }) {
  const name = `chatconnect:${api.key}`;
  const text = await writer.evaluate((name_) => localStorage[name_], name);
  await listener.waitForFunction(([name_, text_]) => localStorage[name_] === text_, [name, text]);
}

test('a tab that was opened before the conversation began takes part in it', async () => {
  api.reset();
  const first = await visit(url);
  await first.w.launcher.waitFor();
  const second = await beside(first);
  await first.w.open();
  await first.w.answer('One');
  await heard(second, first);
  await second.w.open(); // which notes that nothing is unread
  await second.w.ended(1);
  assert.deepEqual(await second.w.asked(), ['One']);
  await second.w.answer('Two');
  await heard(first, second);
  await first.page.reload();
  await first.w.reopened();
  await first.w.answers.nth(1).waitFor();
  assert.deepEqual(await first.w.asked(), ['One', 'Two']);
  assert.equal(new Set(posted().map((r) => r.body.sessionId)).size, 1);
  first.check();
  await first.close();
});

test('a tab that looks on does not lose the question of another', async () => {
  api.reset();
  const first = await visit(url);
  await first.w.open();
  await first.w.answer('One');
  const second = await beside(first);
  const hold = gate();
  api.answer = () => [{ token: 'Begun, ' }, { hold: hold.promise }, { token: 'ended.' }];
  await first.w.ask('Two');
  await first.w.in(first.w.last, 'answer').getByText('Begun').waitFor();
  await heard(second, first);
  await second.w.open();
  await second.w.part('close').click();
  await heard(first, second);
  await first.page.goto(pages.add(shop({ script: api.url, key: api.key })));
  await first.w.reopened();
  await first.w.in(first.w.last, 'answer').getByText('Begun').waitFor();
  hold.open();
  const answer = await first.w.ended(2);
  assert.equal((await first.w.in(answer, 'answer').innerText()).trim(), 'Begun, ended.');
  assert.equal(posted().length, 2, 'it was asked once');
  first.check();
  await first.close();
});

test('what was forgotten is not brought back by another tab', async () => {
  api.reset();
  const first = await visit(url);
  await first.w.open();
  await first.w.answer('One');
  const second = await beside(first);
  await second.w.open();
  await second.w.ended(1);
  await second.w.part('close').click();
  await heard(first, second);
  await first.w.part('new-chat').click();
  await heard(second, first);
  await second.w.open();
  assert.equal((await kept(first.page)).id, undefined);
  await first.page.reload();
  await first.w.reopened();
  assert.equal(await first.w.messages.count(), 0);
  // Who goes on in it wants it.
  await second.w.answer('Two');
  await heard(first, second);
  await first.w.answer('Three');
  const [one, two, three] = posted().map((r) => r.body.sessionId);
  assert.equal(one, two);
  assert.equal(three, two, 'a page without a conversation takes the one there is');
  first.check();
  await first.close();
});

test('a new chat stays one, whatever another tab does', async () => {
  api.reset();
  const first = await visit(url);
  await first.w.open();
  await first.w.answer('One');
  const second = await beside(first);
  await second.w.open();
  await second.w.ended(1);
  await heard(first, second);
  await first.w.part('new-chat').click();
  await heard(second, first);
  await second.w.answer('Two');
  await heard(first, second);
  await first.w.answer('Three');
  const [one, two, three] = posted().map((r) => r.body.sessionId);
  assert.equal(one, two);
  assert.notEqual(three, two);
  assert.equal((await kept(first.page)).id, three, 'the last that was asked in');
  first.check();
  await first.close();
});

test('the page before, kept by the browser, does not undo what happened since', async () => {
  const second = await another(['--disable-back-forward-cache']);
  let v;
  for (let tries = 3; ; await v.close()) {
    api.reset();
    v = await visit(url, { in: second, init: [notesReturns] });
    await v.w.launcher.waitFor();
    await v.page.goto(pages.add(shop({ script: api.url, key: api.key })));
    await v.w.open();
    await v.w.answer('On the second page');
    if (await cameBack(v.page)) break;
    assert.ok(--tries, 'the browser keeps no page');
  }
  const { page, w } = v;
  await page.waitForFunction((key) => JSON.parse(localStorage[`chatconnect:${key}`] ?? '{}').id, api.key); // see heard
  await w.open();
  await w.ended(1);
  await page.reload();
  await w.reopened();
  await w.answers.first().waitFor();
  assert.deepEqual(await w.asked(), ['On the second page']);
  v.check();
  await v.close();
});
