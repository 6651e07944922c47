// Pages of the systems that websites are built with, and ways to bring the
// script in. Each time a visitor can ask and read.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { visit } from '../harness/browser.mjs';
import { contract, gate } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { OPTIMISERS, react, rewritten, settingsOnly, tagManager, theme, turbo, wordpress, written } from '../harness/sites.mjs';
import { until } from '../harness/until.mjs';
import { uses } from '../harness/usable.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const usable = uses(api);
const us = { script: api.url, key: api.key };
// Ours behind somebody else's, in one file of the site's own.
pages.add(`(function () { window.others = true; })();\n${await (await fetch(api.url)).text()}`, { 'Content-Type': 'text/javascript' }, '/joined.js');
const hosts = (page) => page.locator('chat-connect').count();

/** opens visits a page as a stranger's site has it and checks what went wrong there. */
async function opens(html, does) {
  api.reset();
  const v = await visit(html.startsWith('http') ? html : pages.add(html));
  await does(v);
  v.check();
  await v.close();
}

test('a tag manager: the key is in the address', () => opens(tagManager(us), async (v) => {
  await usable(v);
  assert.equal(await hosts(v.page), 1);
  assert.equal(await v.w.panel.getAttribute('lang'), 'fr');
}));

test('the key is in window.ChatConnectSettings, and the script has no element', () => opens(settingsOnly(us), async (v) => {
  await v.w.panel.waitFor(); // open: true
  assert.equal(await v.w.panel.getAttribute('lang'), 'de');
  await usable(v, { closed: false });
}));

test('an attribute comes before the address, the address before the settings', () => opens(shop({
  head: `<script>window.ChatConnectSettings = { key: 'pk_live_settings', locale: 'ja', open: true, mode: 'inline', target: '#nowhere' };</script>`,
  tag: `<script async src="${api.url}?key=${api.key}&locale=fr&open=false&mode=inline" data-locale="es" data-mode="bubble"></script>`,
}), async (v) => {
  await v.w.launcher.waitFor();
  assert.ok(!await v.w.panel.isVisible());
  await usable(v);
  assert.equal(await v.w.panel.getAttribute('lang'), 'es');
}));

test('inline, by the address alone', () => opens(shop({
  body: '<div id="here" style="height: 480px"></div>', tag: `<script async src="${api.url}?key=${api.key}&mode=inline&target=%23here"></script>`,
}), async (v) => {
  await v.page.locator('#here > chat-connect').waitFor();
  await v.w.input.waitFor();
  assert.equal(await v.w.answer('Here?'), 'You asked: Here?');
}));

for (const rewrite of Object.keys(OPTIMISERS)) {
  test(`WordPress, optimised: ${rewrite}`, () => opens(wordpress(us, rewrite), async (v) => {
    await usable(v);
    assert.equal(await hosts(v.page), 1);
  }));
}

test('a theme that styles everything, on a transformed page', () => opens(theme(us), async (v) => {
  await usable(v);
  // What a visitor of the page sees is the page: nothing lies before it.
  assert.equal(await v.page.evaluate(() => document.elementFromPoint(300, 300).className), 'overlay');
  assert.equal(await v.page.evaluate(() => getComputedStyle(document.querySelector('chat-connect'), '::backdrop').display), 'none');
}));

test('a transformed <html>: the launcher stays where the window is', async () => {
  for (const transform of ['translateX(0)', 'scale(0.8) translateY(100px)', 'rotate(3deg)']) {
    await opens(shop({ ...us, head: `<style>html { transform: ${transform}; height: 4000px }</style>` }), async (v) => {
      await v.w.launcher.waitFor();
      const { width, height } = v.page.viewportSize();
      for (const top of [0, 1500]) {
        await v.page.evaluate((y) => scrollTo(0, y), top);
        const box = await v.w.launcher.boundingBox();
        assert.ok(Math.abs(box.x + box.width - (width - 16)) < 20 && Math.abs(box.y + box.height - (height - 16)) < 2, `${transform}, scrolled to ${top}: ${JSON.stringify(box)}`);
      }
      await usable(v);
    });
  }
});

test('nothing of it is printed', () => opens(shop(us), async (v) => {
  await v.w.launcher.waitFor();
  await v.page.emulateMedia({ media: 'print' });
  assert.ok(!await v.w.launcher.isVisible(), 'before it was opened');
  await v.page.emulateMedia({ media: null });
  await v.w.open();
  await v.page.emulateMedia({ media: 'print' });
  assert.ok(!await v.w.launcher.isVisible() && !await v.w.panel.isVisible());
}));

test('Turbo: pages change, the conversation goes on', () => opens(turbo(pages, us), async (v) => {
  const { page, w } = v;
  await w.open();
  const hold = gate();
  api.answer = () => [{ token: 'Before and ' }, { hold: hold.promise }, { token: 'after.' }];
  await w.ask('Still there?');
  await w.in(w.last, 'answer').getByText('Before').waitFor();
  const began = await page.evaluate(() => performance.timeOrigin);
  for (const name of ['second', 'first', 'second']) {
    await page.locator('#other').click();
    await page.locator('#here').getByText(name).waitFor();
    assert.equal(await hosts(page), 1);
    assert.ok(await w.panel.isVisible());
  }
  await page.goBack(); // out of Turbo's snapshots
  await page.locator('#here').getByText('first').waitFor();
  assert.equal(await hosts(page), 1);
  hold.open();
  const answer = await w.ended(1);
  assert.equal((await w.in(answer, 'answer').innerText()).trim(), 'Before and after.');
  await usable(v, { closed: false });
  assert.equal(await page.evaluate(() => performance.timeOrigin), began, 'the document is the same');
  assert.equal(api.requests.filter((r) => r.path === '/api/widget/config').length, 1);
}));

test('React: StrictMode mounts it twice, hydration throws out what it does not know', async () => {
  const url = await react(pages, us);
  await opens(url, async (v) => {
    const { page } = v;
    await page.locator('#made').getByText('browser').waitFor();
    await page.waitForFunction(() => window.loaded && window.recovered);
    assert.match(await page.evaluate(() => window.recovered), /ydration failed/);
    await v.w.launcher.waitFor();
    await usable(v);
    assert.equal(await hosts(page), 1);
    await page.locator('#count').click();
    await page.locator('#count').getByText('1').waitFor();
    await page.locator('#toggle').click();
    await v.w.root.waitFor({ state: 'detached' });
    const mounts = await page.evaluate(() => window.mounts);
    await page.locator('#toggle').click();
    await page.waitForFunction((n) => window.mounts === n + 2, mounts); // mounted, unmounted and mounted by StrictMode
    await v.w.launcher.waitFor();
    await v.w.open();
    await v.w.answers.first().waitFor();
    await v.w.answer('And after that?');
    assert.equal(await hosts(page), 1);
  });
});

test('a page that writes its tag while it is read', () => opens(written(us), (v) => usable(v)));

for (const again of [false, true]) {
  test(`a page that is written anew, ${again ? 'with the tag' : 'without it'}`, () => opens(rewritten(us, { again }), async (v) => {
    const { page, w } = v;
    await usable(v);
    const anew = async () => {
      await page.evaluate(() => window.writeAnew());
      await page.getByRole('heading', { name: 'Written anew' }).waitFor();
    };
    await anew();
    await usable(v);
    assert.equal(await hosts(page), 1);

    // Open, and in the middle of an answer.
    const hold = gate();
    api.answer = () => [{ token: 'Before and ' }, { hold: hold.promise }, { token: 'after.' }];
    await w.open();
    await w.answers.nth(1).waitFor();
    await w.ask('Still there?');
    await w.in(w.last, 'answer').getByText('Before').waitFor();
    await page.evaluate(() => { document.open(); document.write('<!doctype html><main><h1>Written anew</h1></main>'); document.close(); });
    await w.panel.waitFor();
    hold.open();
    await until('the answer', async () => /Before and after\./.test(await w.panel.innerText()));
    await usable(v, { closed: false });
    await page.evaluate(() => document.querySelector('chat-connect').remove());
    await w.launcher.waitFor(); // it is watched in the new document, too
  }));
}
