// What a visitor sees when the server says other things than an answer.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { stopClock, visit } from '../harness/browser.mjs';
import { contract, gate, SOURCES } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { until } from '../harness/until.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const url = pages.add(shop({ script: api.url, key: api.key }));
const of = (method, path) => api.requests.filter((r) => r.method === method && r.path === path);
const streamsPosted = () => of('POST', '/chat/stream');
const streamsResumed = () => of('GET', '/chat/stream');
const text = (w, message) => w.in(message, 'answer').innerText().then((t) => t.trim());

test('429: the seconds are counted down, then it is tried again', async () => {
  api.reset();
  api.refuse = (_, path) => (path === '/chat/stream' ? { status: 429, code: 'rate_limited', detail: 'Too many questions.', headers: { 'Retry-After': '3' } } : undefined);
  const { page, w, check, close } = await visit();
  await stopClock(page);
  await page.goto(url);
  await w.open();
  await w.ask('Too fast?');
  await w.part('countdown').waitFor();
  assert.equal(await w.last.getAttribute('data-status'), 'error');
  for (const n of ['3', '2', '1']) {
    assert.equal((await w.part('countdown').innerText()).trim(), n);
    await page.clock.runFor(n === '1' ? 900 : 1000);
  }
  assert.equal(streamsPosted().length, 1, 'nothing is sent before the time is over');
  const retry = w.part('retry');
  assert.equal(await retry.getAttribute('aria-disabled'), 'true');
  assert.match(await retry.evaluate((e) => e.getRootNode().getElementById(e.getAttribute('aria-describedby')).textContent), /Too many questions/, 'and why');
  await retry.click({ force: true });
  assert.equal(streamsPosted().length, 1, 'nor by the button');
  api.refuse = () => undefined;
  await page.clock.resume();
  const answer = await w.ended(1, /^answered$/); // by itself
  assert.equal(await text(w, answer), 'You asked: Too fast?');
  const [first, second] = streamsPosted();
  assert.equal(second.body.messageId, first.body.messageId, 'the same message');
  assert.equal(await w.questions.count(), 1, 'the question is there once');
  check();
  await close();
});

test('503: it is tried again by itself when the server said', async () => {
  api.reset();
  let refusals = 2;
  api.refuse = (_, path) => (path === '/chat/stream' && refusals-- > 0 ? { status: 503, code: 'unavailable', detail: 'Not now.', headers: { 'Retry-After': '1' } } : undefined);
  const { w, check, close } = await visit(url);
  await w.open();
  assert.equal(await w.answer('Now?'), 'You asked: Now?');
  const [a, b, c] = streamsPosted();
  assert.ok(b.at - a.at >= 950 && c.at - b.at >= 950, 'Retry-After is kept');
  assert.equal(new Set([a, b, c].map((r) => r.body.messageId)).size, 1);
  check();
  await close();
});

test('an error in the stream: a sentence, and a retry that asks anew', async () => {
  api.reset();
  let fail = true;
  api.answer = () => (fail ? [{ token: 'Half ' }, { error: { code: 'generation_failed', message: 'The answer could not be finished.' } }] : [{ token: 'Whole.' }]);
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('Will it?');
  const failed = await w.ended(1);
  assert.equal(await failed.getAttribute('data-status'), 'error');
  assert.ok((await w.in(failed, 'error').innerText()).length > 10);
  fail = false;
  await w.in(failed, 'retry').click();
  const answer = await w.ended(undefined, /^answered$/);
  assert.equal(await text(w, answer), 'Whole.');
  const [first, second] = streamsPosted();
  assert.notEqual(second.body.messageId, first.body.messageId, 'a failed answer is not attached to again');
  check();
  await close();
});

test('restart: the text so far is replaced, and it is said', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ token: 'Wrong start' }, { wait: 50 }, { restart: 2 }, { token: 'Right ' }, { hold: hold.promise }, { token: 'start.' }];
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('Restart?');
  await w.part('restarted').waitFor();
  assert.doesNotMatch(await text(w, w.last), /Wrong/);
  hold.open();
  assert.equal(await text(w, await w.ended(1)), 'Right start.');
  check();
  await close();
});

test('stop keeps the text so far', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ token: 'Enough ' }, { token: 'of this' }, { hold: hold.promise }, { token: ' and never this' }];
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('Long?');
  await w.in(w.last, 'answer').getByText('of this').waitFor();
  await w.stop.click();
  const answer = await w.ended(1);
  assert.equal(await answer.getAttribute('data-status'), 'stopped');
  assert.equal(await text(w, answer), 'Enough of this');
  const id = await answer.getAttribute('data-id');
  assert.deepEqual(of('POST', `/chat/${id}/stop`).map((r) => Object.keys(r.body)), [['sessionId']]);
  await w.send.waitFor();
  api.answer = () => [{ token: 'Next.' }];
  assert.equal(await w.answer('And now?'), 'Next.');
  check();
  await close();
});

test('reconnect event: re-attached at once, after the last event', async () => {
  api.reset();
  let reader;
  const more = gate();
  api.answer = () => [{ token: 'One ' }, { token: 'two ' }, { hold: more.promise }, { token: 'three.' }];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await page.evaluate(() => {
    window.states = [];
    window.ChatConnect.on('connection', ({ state }) => window.states.push(state));
  });
  await w.ask('Count.');
  await w.in(w.last, 'answer').getByText('two').waitFor();
  const answer = [...[...api.sessions.values()].at(-1).values()].at(-1);
  [reader] = answer.readers;
  reader.end('event: reconnect\ndata: {}\n\n');
  await until('the second connection', () => streamsResumed().length > 0);
  const [resumed] = streamsResumed();
  assert.equal(resumed.headers['last-event-id'], '2');
  more.open();
  assert.equal(await text(w, await w.ended(1)), 'One two three.');
  assert.deepEqual(await page.evaluate(() => window.states), ['online', 'online'], 'before it waits, it says that it does');
  check();
  await close();
});

test('message_unknown: asked again under the same id, and the text is not doubled', async () => {
  api.reset();
  const cut = gate();
  let first = true;
  api.answer = () => {
    const steps = first ? [{ token: 'Lost ' }, { hold: cut.promise }, { cut: true }, { hold: new Promise(() => {}) }] : [{ token: 'Lost ' }, { token: 'and found.' }];
    first = false;
    return steps;
  };
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('Known?');
  await w.in(w.last, 'answer').getByText('Lost').waitFor();
  api.refuse = (request, path) => {
    if (request.method !== 'GET' || path !== '/chat/stream') return undefined;
    [...api.sessions.values()].at(-1).clear(); // the server has forgotten everything
    return undefined;
  };
  cut.open();
  assert.equal(await text(w, await w.ended(1)), 'Lost and found.');
  const ids = streamsPosted().map((r) => r.body.messageId);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  check();
  await close();
});

test('session_token_invalid: a new session, and the question is asked', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.answer('First');
  await page.evaluate(() => {
    for (const key of Object.keys(localStorage)) localStorage[key] = localStorage[key].replace(/("token":")[^"]+/, '$1forged');
  });
  await page.reload();
  await w.reopened();
  assert.equal(await w.answer('Second'), 'You asked: Second');
  assert.equal(of('POST', '/chat/sessions').length, 2);
  check();
  await close();
});

test('offline: said at once; the question waits and is answered when the network is back', async () => {
  api.reset();
  const { page, context, w, check, close } = await visit(url);
  await w.open();
  await w.answer('Online');
  await context.setOffline(true);
  await w.notice.and(page.locator('[data-state=offline]')).waitFor();
  await w.ask('Offline');
  await page.waitForTimeout(300);
  assert.notEqual(await w.last.getAttribute('data-status'), 'error');
  await context.setOffline(false);
  assert.equal(await text(w, await w.ended(2)), 'You asked: Offline');
  await w.notice.waitFor({ state: 'hidden' });
  check();
  await close();
});

test('feedback: a thumb, a comment, changed, taken back', async () => {
  api.reset();
  const { w, check, close } = await visit(url);
  await w.open();
  await w.answer('Good?');
  const id = await w.last.getAttribute('data-id');
  const kept = () => [...api.sessions.values()].at(-1).get(id);
  const up = w.in(w.last, 'feedback-up'), down = w.in(w.last, 'feedback-down');
  const eventually = async (rating, comment = '') => {
    await until(`${rating} ${comment}`, () => kept().rating === rating && kept().comment === comment);
  };
  await up.click();
  await eventually('up');
  assert.equal(await up.getAttribute('aria-pressed'), 'true');
  await down.click();
  await eventually('down');
  assert.deepEqual([await up.getAttribute('aria-pressed'), await down.getAttribute('aria-pressed')], ['false', 'true']);
  await w.in(w.last, 'feedback-comment').fill('Too long 🙂');
  await w.in(w.last, 'feedback-send').click();
  await eventually('down', 'Too long 🙂');
  await down.click();
  await eventually('none');
  assert.equal(await down.getAttribute('aria-pressed'), 'false');
  check();
  await close();
});

test('feedback without a network is kept, said, and sent once it is back, also by the next page', async () => {
  api.reset();
  const { page, context, w, check, close } = await visit(url);
  await w.open();
  await w.answer('Good?');
  const id = await w.last.getAttribute('data-id');
  const kept = () => [...api.sessions.values()].at(-1).get(id);
  const eventually = async (rating, comment = '') => {
    await until(`${rating} ${comment}`, () => kept().rating === rating && kept().comment === comment);
  };
  const unsent = w.in(w.last, 'unsent');

  await context.setOffline(true);
  await w.in(w.last, 'feedback-up').click();
  await unsent.getByText('as soon as possible').waitFor();
  await w.in(w.last, 'feedback-down').click(); // takes the place of the first
  await w.in(w.last, 'feedback-comment').fill('Wrong page');
  await w.in(w.last, 'feedback-send').click();
  await w.in(w.last, 'feedback-form').waitFor({ state: 'hidden' });
  assert.ok(await unsent.isVisible());
  assert.equal(kept().rating, 'none');
  await context.setOffline(false);
  await eventually('down', 'Wrong page');
  await unsent.waitFor({ state: 'hidden' });

  // The server can't take it, the page is left: the next page sends it.
  api.refuse = (_, path) => (path.endsWith('/feedback') ? { status: 503, code: 'unavailable' } : undefined);
  await w.in(w.last, 'feedback-up').click();
  await unsent.getByText('as soon as possible').waitFor();
  await page.goto('about:blank');
  api.refuse = () => undefined;
  await page.goto(url);
  await w.reopened();
  await eventually('up');
  await w.in(w.last, 'feedback-up').and(page.locator('[aria-pressed=true]')).waitFor();
  await page.waitForFunction(() => Object.values(localStorage).some((v) => v.includes('"opinions":{}')));
  check();
  await close();
});

test('feedback that is refused is not shown as given', async () => {
  api.reset();
  const { w, check, close } = await visit(url);
  await w.open();
  await w.answer('Good?');
  api.refuse = (_, path) => (path.endsWith('/feedback') ? { status: 404, code: 'message_unknown' } : undefined);
  const up = w.in(w.last, 'feedback-up');
  await up.click();
  await w.in(w.last, 'unsent').getByText('went wrong').waitFor();
  assert.equal(await up.getAttribute('aria-pressed'), 'false');
  assert.equal(api.requests.filter((r) => r.path.endsWith('/feedback')).length, 1, 'what is refused is not sent again');
  api.refuse = () => undefined;
  await up.click();
  await w.in(w.last, 'unsent').waitFor({ state: 'hidden' });
  assert.equal(await up.getAttribute('aria-pressed'), 'true');
  check();
  await close();
});

test('history: a reloaded page and another page show the same conversation', async () => {
  api.reset();
  api.answer = (question) => [{ token: `About **${question}** [1]` }, { sources: SOURCES }];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.answer('one');
  await w.answer('two');
  await w.in(w.last, 'feedback-up').click();
  const before = await w.answers.evaluateAll((all) => all.map((e) => e.querySelector('[data-cc=answer]').innerHTML));
  for (const there of [url, pages.add(shop({ script: api.url, key: api.key }))]) {
    await page.goto(there);
    await w.reopened();
    await w.answers.nth(1).waitFor();
    assert.deepEqual(await w.answers.evaluateAll((all) => all.map((e) => e.querySelector('[data-cc=answer]').innerHTML)), before);
    assert.deepEqual(await w.asked(), ['one', 'two']);
    assert.equal(await w.in(w.last, 'feedback-up').getAttribute('aria-pressed'), 'true');
    assert.equal(await w.in(w.last, 'source').count(), 2);
  }
  await w.part('new-chat').click();
  assert.equal(await w.messages.count(), 0);
  await w.answer('three');
  assert.equal(new Set(streamsPosted().map((r) => r.body.sessionId)).size, 2, 'a new chat is a new session');
  await page.reload();
  await w.reopened();
  await w.answers.first().waitFor();
  assert.deepEqual(await w.asked(), ['three']);
  check();
  await close();
});

test('left in the middle of an answer: the next page goes on with it', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ token: 'Begun here, ' }, { hold: hold.promise }, { token: 'ended there.' }];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask('Both?');
  await w.in(w.last, 'answer').getByText('Begun').waitFor();
  await page.goto(pages.add(shop({ script: api.url, key: api.key })));
  await w.reopened();
  await w.in(w.last, 'answer').getByText('Begun').waitFor();
  hold.open();
  assert.equal(await text(w, await w.ended(1)), 'Begun here, ended there.');
  assert.equal(await w.questions.count(), 1);
  assert.equal([...[...api.sessions.values()].at(-1).values()].length, 1, 'it was asked once');
  check();
  await close();
});

test('an answer that comes while the panel is closed is counted as unread', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ hold: hold.promise }, { token: 'Here.' }];
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('Later?');
  await w.part('close').click();
  await w.panel.waitFor({ state: 'hidden' });
  hold.open();
  await w.part('badge').getByText('1').waitFor();
  assert.match(await w.launcher.evaluate((e) => e.getAttribute('aria-label') ?? e.textContent), /1/, 'the number is in the name of the button');
  await w.open();
  assert.ok(!(await w.part('badge').isVisible()));
  check();
  await close();
});

test('the log follows the answer, unless one has scrolled up', async () => {
  api.reset();
  const gates = [gate(), gate()];
  const lines = (from) => Array.from({ length: 30 }, (_, n) => ({ token: `Line ${from + n}.\n\n` }));
  api.answer = () => [...lines(0), { hold: gates[0].promise }, ...lines(30), { hold: gates[1].promise }, ...lines(60)];
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.ask('Long?');
  await w.in(w.last, 'answer').getByText('Line 29.').waitFor();
  const log = w.part('log');
  const atEnd = () => until('the end of the log', () => log.evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop < 80));
  await atEnd();
  await log.hover();
  await log.evaluate((e) => { window.scrolled = new Promise((resolve) => e.addEventListener('scrollend', resolve, { once: true })); });
  await page.mouse.wheel(0, -300);
  await page.evaluate(() => window.scrolled);
  await w.part('jump').waitFor();
  const top = await log.evaluate((e) => e.scrollTop);
  gates[0].open();
  await w.in(w.last, 'answer').getByText('Line 59.').waitFor();
  assert.equal(await log.evaluate((e) => e.scrollTop), top, 'the text does not move under the reader');
  await w.part('jump').click();
  await atEnd();
  gates[1].open();
  await w.ended(1);
  await atEnd(); // it follows again
  check();
  await close();
});

test("the page's own calls", async () => {
  api.reset();
  const { page, w, check, close } = await visit(url, { expect: [/a listener of the page fails/] });
  await w.launcher.waitFor();
  await page.evaluate(() => {
    window.events = [];
    for (const name of ['open', 'close', 'message', 'answer', 'feedback', 'reset', 'error', 'restart', 'destroy']) window.ChatConnect.on(name, (detail) => window.events.push([name, detail]));
    window.off = window.ChatConnect.on('open', () => window.events.push(['never']));
    window.off();
    window.ChatConnect.on('open', () => { throw new Error('a listener of the page fails'); });
    window.ChatConnect.identify({ plan: 'gold', name: 'Ada' });
    window.ChatConnect.send('Asked by the page');
  });
  const answer = await w.ended(1);
  assert.equal(await text(w, answer), 'You asked: Asked by the page');
  assert.deepEqual(streamsPosted()[0].body.metadata, { plan: 'gold', name: 'Ada' });
  await w.in(answer, 'feedback-up').click();
  await page.evaluate(() => {
    window.ChatConnect.reset();
    window.ChatConnect.close();
  });
  await w.panel.waitFor({ state: 'hidden' });
  await page.evaluate(() => {
    window.ChatConnect.theme({ launcherText: 'Ask us', primaryColor: '#ffee00', position: 'bottom-left', title: 'Renamed' });
    window.ChatConnect.open();
  });
  await page.getByRole('dialog', { name: 'Renamed' }).waitFor();
  assert.match(await w.launcher.innerText(), /Ask us/);
  assert.ok((await w.launcher.boundingBox()).x < 200);
  const events = await page.evaluate(() => window.events);
  assert.deepEqual(events.map(([name]) => name).filter((n) => n !== 'open'), ['message', 'answer', 'feedback', 'reset', 'close']);
  const [, done] = events.find(([name]) => name === 'answer');
  assert.equal(done.status, 'answered');
  assert.equal(done.text, 'You asked: Asked by the page');
  await page.evaluate(() => window.ChatConnect.destroy());
  assert.equal(await page.locator('chat-connect').count(), 0);
  await page.evaluate((src) => new Promise((resolve) => {
    const again = Object.assign(document.createElement('script'), { src, onload: resolve });
    again.dataset.key = document.querySelector('script[data-key]').dataset.key;
    document.head.append(again);
  }), api.url);
  await w.reopened();
  assert.equal(await w.answer('After destroy'), 'You asked: After destroy');
  check();
  await close();
});

test('before opening: two requests; after: configuration revalidated', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url);
  await w.launcher.waitFor();
  await page.waitForTimeout(500);
  assert.deepEqual(api.requests.map((r) => `${r.method} ${r.path}`), ['GET /widget.js', 'GET /api/widget/config']);
  assert.equal(await page.evaluate(() => document.querySelector('chat-connect').shadowRoot.querySelectorAll('*').length < 25), true, 'the panel is not built yet');
  check();
  await close();
});

test('a key that is refused: no launcher, no noise', async () => {
  api.reset();
  const { page, w, check, close } = await visit(pages.add(shop({ script: api.url, key: 'pk_live_wrong0000000000000000000000' })));
  await until('the refusal', () => of('GET', '/api/widget/config').length > 0);
  await page.waitForTimeout(800);
  assert.ok(!(await w.launcher.isVisible()));
  assert.equal(api.requests.filter((r) => r.path === '/api/widget/config').length, 1, 'it is not asked for again');
  check();
  await close();
});

test('inline mode: a part of the page', async () => {
  api.reset();
  const { page, w, check, close } = await visit(pages.add(shop({ script: api.url, key: api.key, attributes: 'data-mode="inline" data-target="#here"', body: '<div id="here" style="width: 420px; height: 520px"></div>' })));
  await w.panel.waitFor();
  assert.equal(await w.panel.getAttribute('role'), 'region');
  assert.equal(await page.locator('#here chat-connect').count(), 1);
  assert.equal(await w.answer('Inline?'), 'You asked: Inline?');
  const box = await w.panel.boundingBox();
  assert.ok(box.width <= 421 && box.height <= 521, JSON.stringify(box));
  check();
  await close();
});

for (const locale of ['de', 'fr', 'es', 'pt-BR', 'ar', 'zh-CN', 'ja']) {
  test(`locale ${locale}`, async () => {
    api.reset();
    api.config = { ...api.config, locale };
    const { w, check, close } = await visit(url);
    await w.open();
    await w.answer('?');
    const label = await w.part('close').getAttribute('aria-label');
    assert.notEqual(label, 'Close', 'its own words are translated');
    assert.ok(label);
    const [lang, dir] = await w.panel.evaluate((e) => [e.closest('[lang]')?.lang ?? e.getRootNode().host.lang, getComputedStyle(e).direction]);
    assert.equal(lang.slice(0, 2), locale.slice(0, 2));
    assert.equal(dir, locale === 'ar' ? 'rtl' : 'ltr');
    check();
    await close();
  });
}

test('what the panel needs does not come: nothing breaks, and the next press tries again', async () => {
  api.reset();
  let away = true;
  api.refuse = (_, path) => (away && path.endsWith('.json') ? { status: 502, code: 'x' } : undefined);
  const { page, w, check, close } = await visit(url);
  await w.launcher.click();
  // Whoever opens it now waits for the same, or finds the same.
  assert.equal(await page.evaluate(() => window.ChatConnect.open().then(() => 'open', () => 'failed')), 'failed');
  assert.ok(!(await w.panel.isVisible()));
  away = false;
  await w.open();
  assert.equal(await w.answer('Hello'), 'You asked: Hello');
  check();
  await close();
});
