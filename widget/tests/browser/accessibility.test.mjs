// Everybody can use it: axe in every state, the keyboard alone, small windows,
// large text, few colours, no motion, and screen readers hear each answer once.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { accessible, visit } from '../harness/browser.mjs';
import { contract, gate, SOURCES } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { until } from '../harness/until.mjs';
import { dressed, VIEWS, walk } from '../harness/states.mjs';

const pages = await hostPages();
const api = await contract();
after(() => Promise.all([pages.close(), api.close()]));
const page_ = (extra) => pages.add(shop({ script: api.url, key: api.key, ...extra }));

for (const [name, view] of Object.entries(VIEWS)) {
  test(`axe finds nothing in any state: ${name}`, async () => {
    const own = await dressed(view);
    const { rtl, ...options } = view;
    const v = await visit(pages.add(shop({ script: own.url, key: own.key, ...(rtl && { lang: 'ar', dir: 'rtl' }), head: '<style>@media (prefers-color-scheme: dark) { html { background: #111; color: #eee } a { color: #9cf } }</style>' })), options);
    await walk(own, v, view, async (state) => {
      await accessible(v.page, `${name}, ${state}`);
      const [content, window_] = await v.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window_, `${state}: the page became ${content} px wide`);
    });
    v.check();
    await v.close();
    await own.close();
  });
}

test('a conversation by keyboard alone', async () => {
  api.reset();
  api.config = { ...api.config, suggestedQuestions: ['What does it cost?'] };
  const { page, w, check, close } = await visit(page_());
  await w.launcher.waitFor();
  await page.locator('#last').focus();
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());

  /** reach presses Tab until the focus is on a part, and checks that it shows. */
  async function reach(part, key = 'Tab') {
    for (let i = 0; i < 40; i++) {
      await press(key);
      const shows = await page.evaluate(() => {
        const inner = document.activeElement.shadowRoot?.activeElement;
        if (!inner) return true;
        const style = getComputedStyle(inner);
        const around = inner.closest('[data-cc=input]') ? getComputedStyle(inner.parentElement) : style;
        return [style, around].some((s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none' || s.outlineStyle === 'auto') || inner.dataset.cc || inner.localName;
      });
      assert.ok(shows === true, `the focus can't be seen on ${shows}`);
      if (await w.focused() === part) return;
    }
    assert.fail(`${part} can't be reached`);
  }

  await reach('launcher');
  await press('Enter');
  await w.panel.waitFor();
  await page.waitForFunction(() => document.querySelector('chat-connect').shadowRoot.activeElement?.dataset.cc === 'input');
  await press('Escape');
  await w.panel.waitFor({ state: 'hidden' });
  assert.equal(await w.focused(), 'launcher', 'the focus returns');
  await press('Space');
  await w.panel.waitFor();
  assert.equal(await w.focused(), 'input');
  await reach('suggestion', 'Shift+Tab');
  await press('Enter');
  await w.ended(1);
  assert.equal(await w.focused(), 'input', 'after a suggestion the focus is where one writes');
  await page.keyboard.type('Line one');
  await press('Shift+Enter');
  await page.keyboard.type('line two');
  assert.equal(await w.input.inputValue(), 'Line one\nline two');
  await press('Enter');
  await w.ended(2);
  assert.equal((await w.asked()).at(-1), 'Line one\nline two');
  assert.equal(await w.focused(), 'input');

  await reach('feedback-down', 'Shift+Tab');
  await press('Space');
  await w.in(w.last, 'feedback-comment').waitFor();
  await press('Tab');
  assert.equal(await w.focused(), 'feedback-comment', 'the form is the next thing');
  await page.keyboard.type('No.');
  await press('Tab');
  await press('Enter');
  await w.in(w.last, 'feedback-form').waitFor({ state: 'hidden' });
  assert.notEqual(await w.focused(), 'body', 'the focus is not lost with the form');
  const rated = [...api.sessions.values()].at(-1).get(await w.last.getAttribute('data-id'));
  await until('the comment at the server', () => rated.comment === 'No.');

  const hold = gate();
  api.answer = () => [{ token: 'Half ' }, { hold: hold.promise }];
  await w.input.focus();
  await page.keyboard.type('Stop this');
  await press('Enter');
  await w.stop.waitFor();
  await reach('stop');
  await press('Enter');
  const stopped = await w.ended(3);
  assert.equal(await stopped.getAttribute('data-status'), 'stopped');
  assert.equal(await w.focused(), 'input', 'the focus is not lost with the stop button');

  await reach('close', 'Shift+Tab');
  await press('Enter');
  await w.panel.waitFor({ state: 'hidden' });
  assert.equal(await w.focused(), 'launcher');
  // The rest of the page can be reached from here: nothing is trapped.
  await press('Shift+Tab');
  assert.equal(await w.focused(), 'last');
  check();
  await close();
});

test('sources open by keyboard, and from the citation in the text', async () => {
  api.reset();
  api.answer = () => [{ token: 'Every 41 days [1]; 9.50 EUR [2].' }, { sources: SOURCES }];
  const { page, w, check, close } = await visit(page_());
  await w.open();
  await w.answer('How often?');
  const cite = w.in(w.last, 'cite').nth(1);
  assert.match(await cite.evaluate((e) => e.getAttribute('aria-label') ?? e.textContent), /2/);
  await cite.focus();
  await page.keyboard.press('Enter');
  const source = w.last.locator('[data-cc=source][data-index="2"]');
  await source.and(page.locator('[open]')).waitFor();
  assert.match(await source.innerText(), /price-list-2026\.csv/);
  assert.match(await source.innerText(), /descaler; price: 9\.50 EUR/);
  assert.equal(await w.last.locator('[data-cc=source][data-index="1"][open]').count(), 0);
  check();
  await close();
});

test('a screen reader hears a finished answer once, and no tokens', async () => {
  api.reset();
  const { page, w, check, close } = await visit(page_());
  await w.open();
  await page.evaluate(() => {
    window.heard = [];
    const root = document.querySelector('chat-connect').shadowRoot;
    window.regions = () => [...root.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]')].filter((e) => e.getAttribute('aria-live') !== 'off').map((e) => e.dataset.cc ?? e.className);
    const status = root.querySelector('[data-cc=status]');
    new MutationObserver(() => { if (status.textContent.trim()) window.heard.push(status.textContent.trim()); }).observe(status, { childList: true, characterData: true, subtree: true });
  });
  api.answer = () => [...'one two three four five six seven'.matchAll(/\w+ ?/g)].flatMap(([token]) => [{ token }, { wait: 15 }]);
  await w.answer('Count.');
  await page.waitForFunction(() => window.heard.some((text) => text.includes('seven')));
  await page.waitForTimeout(300);
  const heard = await page.evaluate(() => window.heard);
  assert.equal(heard.filter((text) => text.includes('seven')).length, 1, JSON.stringify(heard));
  assert.equal(heard.filter((text) => text.includes('three') && !text.includes('seven')).length, 0, JSON.stringify(heard));
  assert.deepEqual(await page.evaluate(() => window.regions()), ['status'], 'one live region');
  check();
  await close();
});

test('dialog semantics, names and targets', async () => {
  api.reset();
  api.config = { ...api.config, title: 'Ask the shop', suggestedQuestions: ['A?', 'B?'] };
  api.answer = () => [{ token: 'Yes [1] and [2].' }, { sources: SOURCES }];
  const { page, w, check, close } = await visit(page_());
  await w.launcher.waitFor();
  assert.equal(await w.launcher.getAttribute('aria-expanded'), 'false');
  await w.open();
  assert.equal(await w.launcher.getAttribute('aria-expanded'), 'true');
  await page.getByRole('dialog', { name: 'Ask the shop' }).waitFor();
  await w.answer('Really?');
  await w.in(w.last, 'feedback-down').click();
  const small = await page.evaluate(() => [...document.querySelector('chat-connect').shadowRoot.querySelectorAll('button, a[href], summary, textarea, input')]
    .filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .map((e) => ({ e, box: e.getBoundingClientRect(), inText: e.localName === 'a' || e.dataset.cc === 'cite' }))
    .filter(({ box, inText }) => !inText && (box.width < 24 || box.height < 24))
    .map(({ e, box }) => `${e.dataset.cc ?? e.localName} ${box.width}x${box.height}`));
  assert.deepEqual(small, [], 'targets have 24 px');
  const nameless = await page.evaluate(() => [...document.querySelector('chat-connect').shadowRoot.querySelectorAll('button')].filter((e) => !(e.getAttribute('aria-label') || e.textContent).trim()).map((e) => e.dataset.cc));
  assert.deepEqual(nameless, []);
  check();
  await close();
});

test('320 by 256 CSS pixels: everything can be used', async () => {
  api.reset();
  api.answer = () => [{ token: 'A_very_long_word_'.repeat(12) }, { token: '\n\n| a column | another column | a third |\n|---|---|---|\n| some text | some more text | and more |\n\n```\nlet line = "a line of code that is far too long for this window";\n```\n' }, { sources: SOURCES }];
  const { page, w, check, close } = await visit(page_(), { viewport: { width: 320, height: 256 } });
  await w.open();
  await w.answer('Does it fit?');
  await w.in(w.last, 'feedback-down').click();
  const outside = await page.evaluate(() => {
    const root = document.querySelector('chat-connect').shadowRoot;
    const bad = [];
    const panel = root.querySelector('[data-cc=panel]').getBoundingClientRect();
    if (panel.left < 0 || panel.top < 0 || panel.right > innerWidth || panel.bottom > innerHeight) bad.push(`panel ${JSON.stringify(panel)}`);
    const log = root.querySelector('[data-cc=log]');
    if (log.scrollWidth > log.clientWidth) bad.push(`log scrolls sideways: ${log.scrollWidth} > ${log.clientWidth}`);
    for (const part of ['input', 'send', 'close', 'new-chat']) {
      const box = root.querySelector(`[data-cc=${part}]`).getBoundingClientRect();
      if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight || box.width < 20) bad.push(`${part} ${JSON.stringify(box)}`);
    }
    if (log.clientHeight < 60) bad.push(`${log.clientHeight} px are left to read in`);
    return bad;
  });
  assert.deepEqual(outside, []);
  await w.in(w.last, 'feedback-send').click(); // scrolled to, pressed
  await w.part('close').click();
  await w.panel.waitFor({ state: 'hidden' });
  check();
  await close();
});

test('forced colours: shapes do not depend on backgrounds', async () => {
  api.reset();
  const { page, w, check, close } = await visit(page_(), { forcedColors: 'active' });
  await w.launcher.waitFor();
  const edge = (part) => w.part(part).first().evaluate((e) => {
    const s = getComputedStyle(e);
    return (s.borderTopStyle !== 'none' && parseFloat(s.borderTopWidth) >= 1) || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1);
  });
  assert.ok(await edge('launcher'), 'the launcher has an edge');
  await w.open();
  await w.answer('Seen?');
  assert.ok(await edge('panel'), 'the panel has an edge');
  assert.ok(await w.input.evaluate((e) => [e, e.parentElement].some((x) => parseFloat(getComputedStyle(x).borderTopWidth) >= 1 && getComputedStyle(x).borderTopStyle !== 'none')), 'the field has an edge');
  // Icons take the text's colour, so they are seen on any background.
  const invisible = await page.evaluate(() => [...document.querySelector('chat-connect').shadowRoot.querySelectorAll('button svg')].filter((svg) => svg.checkVisibility()).filter((svg) => {
    const shape = getComputedStyle(svg.querySelector('path, circle, rect, line, polyline') ?? svg);
    const ground = getComputedStyle(svg.closest('button')).backgroundColor;
    return ![shape.fill, shape.stroke].some((c) => c !== 'none' && c !== ground);
  }).length);
  assert.equal(invisible, 0);
  await accessible(page, 'forced colours');
  check();
  await close();
});

test('reduced motion: nothing moves, and the text comes as it comes', async () => {
  api.reset();
  const { page, w, check, close } = await visit(page_(), { reducedMotion: 'reduce' });
  await w.open();
  const hold = gate();
  api.answer = () => [{ token: 'All of this text comes at once and is shown at once. '.repeat(8) }, { hold: hold.promise }];
  await w.ask('At once?');
  await w.in(w.last, 'answer').waitFor();
  await page.waitForFunction(() => [...document.querySelector('chat-connect').shadowRoot.querySelectorAll('[data-cc=answer]')].at(-1).textContent.includes('at once'));
  const [length, moving] = await page.evaluate(() => {
    const root = document.querySelector('chat-connect').shadowRoot;
    const animations = root.getAnimations().filter((a) => a.playState === 'running' && a.effect.getComputedTiming().duration > 1);
    return [[...root.querySelectorAll('[data-cc=answer]')].at(-1).textContent.trim().length, animations.map((a) => a.animationName ?? a.transitionProperty)];
  });
  assert.ok(length >= 52 * 8, `only ${length} characters are there`);
  assert.deepEqual(moving, []);
  hold.open();
  await w.ended(1);
  check();
  await close();
});

test('200 % text and zoom', async () => {
  api.reset();
  const { page, w, check, close } = await visit(page_({ head: '<style>html { font-size: 200% }</style>' }), { viewport: { width: 640, height: 512 }, deviceScaleFactor: 2 });
  await w.open();
  await w.answer('Large?');
  await accessible(page, 'zoomed');
  check();
  await close();
});
