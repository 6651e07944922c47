// Pages that work against it, on purpose or not. Each time a visitor can ask
// and read, with the pointer and with the keyboard.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { another, cameBack, notesReturns, visit } from '../harness/browser.mjs';
import { contract, gate } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { uses } from '../harness/usable.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const usable = uses(api);
const url = (extra, headers) => pages.add(shop({ script: api.url, key: api.key, ...extra }), headers);

const STYLES = {
  'everything hidden': 'html > :not(head), body, body * { display: none !important; visibility: hidden !important; opacity: 0 !important; }',
  'everything unset': 'html > :not(head), body * { all: unset !important; }',
  'custom elements hidden until defined': ':not(:defined) { display: none !important; visibility: hidden !important; }',
  'no pointer': '* { pointer-events: none !important; user-select: none !important; }',
  'moved away': 'html > :not(head):not(body) { position: absolute !important; left: -9999px !important; top: -9999px !important; clip: rect(0 0 0 0) !important; clip-path: inset(100%) !important; transform: scale(0) !important; width: 1px !important; height: 1px !important; overflow: hidden !important; filter: blur(9px) !important; mask: linear-gradient(transparent, transparent) !important; content-visibility: hidden !important; contain: strict !important; zoom: 0.1 !important; }',
  'an overlay above all': 'body::after { content: ""; position: fixed; inset: 0; z-index: 2147483647; background: #fffa; } .overlay { position: fixed; inset: 0; z-index: 2147483647; }',
  'tiny root font': 'html { font-size: 4px }',
  'huge root font': 'html { font-size: 60px; line-height: 3; letter-spacing: 1em; word-spacing: 2em; text-transform: uppercase; text-indent: 90px; font-variant: small-caps; }',
  'sideways': 'html { writing-mode: vertical-rl; direction: rtl; text-align: right; text-orientation: upright; }',
  'a transformed body that clips': 'body { transform: translateX(200px) scale(0.5); filter: grayscale(1); perspective: 10px; will-change: transform; overflow: hidden; height: 50px; contain: paint; }',
  'a page that does not scroll': 'html, body { overflow: hidden; height: 100%; position: fixed; width: 100%; }',
  'inherited everything': '* { color: transparent !important; font: italic 900 3px/0.1 Wingdings !important; letter-spacing: -1em !important; text-shadow: 0 0 9px red !important; white-space: nowrap !important; cursor: none !important; quotes: none !important; tab-size: 90 !important; caret-color: transparent !important; word-break: break-all !important; }',
  'slow': 'body, body *, html > :not(head) { transition: all 60s linear 60s !important; animation: x 60s infinite !important; } @keyframes x { from { opacity: 0; transform: rotate(90deg) } }',
  'its own names': 'button, textarea, details, summary, [role=dialog], [hidden], [data-cc] { display: none !important; } :root { --main: red; --bg: red; --fg: red; --line: red; --on: red; --link: red; --soft: red; --dim: red; --x: 900px; --y: -900px; }',
};
for (const [name, css] of Object.entries(STYLES)) {
  test(`host style: ${name}`, async () => {
    api.reset();
    const v = await visit(url({ head: `<style>${css}</style>`, body: '<div class="overlay"></div>' }));
    await usable(v);
    v.check();
    await v.close();
  });
}

const SCRIPTS = {
  'old libraries': `
    // What Prototype.js, MooTools, Sugar and json2 did to the built-in objects, enumerable as they did it.
    Object.prototype.extend = function () { return this; };
    Array.prototype.toJSON = function () { return '[spoiled]'; };
    String.prototype.toJSON = function () { return '"spoiled"'; };
    Object.prototype.toJSON = function () { return 'spoiled'; };
    Number.prototype.toJSON = function () { return 'spoiled'; };
    Array.prototype.each = Array.prototype.clone = Array.prototype.flatten = function () { return this; };
    Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
    Array.prototype.first = function () { return this[0]; };
    String.prototype.strip = String.prototype.contains = function () { return this; };
    Element.prototype.update = Element.prototype.insert = Element.prototype.show = function () { return this; };
    Element.prototype.get = function (name) { return this[name]; };
    Element.prototype.set = function (name, value) { this[name] = value; return this; };
    Array.from = function (x) { return x == null ? [] : x.toArray ? x.toArray() : Array.prototype.slice.call(x); };
    Function.prototype.bind = function (self) { var f = this, a = [].slice.call(arguments, 1); return function () { return f.apply(self, a.concat([].slice.call(arguments))); }; };
    window.$ = window.$$ = function () { return []; };`,
  'setters on Object.prototype': `
    for (const name of ['value', 'text', 'get', 'set', 'status', 'id', 'key', 'headers', 'signal', 'enumerable2']) {
      if (name === 'get' || name === 'set' || name === 'value') continue; // these break every page at once
      Object.defineProperty(Object.prototype, name, { configurable: true, enumerable: false, get() { return undefined; }, set(v) { Object.defineProperty(this, name, { value: v, writable: true, configurable: true, enumerable: true }); } });
    }
    Object.prototype.inherited = { deep: true };`,
  'everything wrapped': `
    const wrap = (owner, name) => { const f = owner[name]; owner[name] = function (...a) { window.calls = (window.calls || 0) + 1; return Reflect.apply(f, this, a); }; };
    for (const name of ['appendChild', 'insertBefore', 'removeChild']) wrap(Node.prototype, name);
    for (const name of ['append', 'remove', 'setAttribute', 'attachShadow', 'closest', 'querySelector']) wrap(Element.prototype, name);
    for (const name of ['addEventListener', 'dispatchEvent']) wrap(EventTarget.prototype, name);
    for (const name of ['createElement', 'createElementNS']) wrap(Document.prototype, name);
    for (const name of ['parse', 'stringify']) wrap(JSON, name);
    for (const name of ['push', 'slice', 'splice', 'map', 'filter', 'join']) wrap(Array.prototype, name);
    for (const name of ['replace', 'split', 'slice', 'trim', 'startsWith']) wrap(String.prototype, name);
    const fetch_ = window.fetch;
    window.fetch = async function (...a) { const r = await fetch_.apply(this, a); r.clone().text().catch(() => {}); return r; };
    for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'queueMicrotask']) { const f = window[name]; window[name] = (g, ...a) => f.call(window, (...x) => g(...x), ...a); }
    const P = Promise; window.Promise = class extends P {};
    wrap(CustomElementRegistry.prototype, 'define');`,
  'globals taken away': `
    for (const name of ['console', 'name', 'status', 'parent', 'top_', 'event', 'h', 'i', 'config', 'app', 'root', 'ChatConnectConfig']) { try { window[name] = undefined; } catch {} }
    window.console = { log() { throw new Error('no console'); }, warn() { throw new Error('no console'); }, error() { throw new Error('no console'); } };
    delete window.requestIdleCallback; delete window.ResizeObserver; delete window.BroadcastChannel; delete window.cookieStore;
    delete Crypto.prototype.randomUUID;`,
  'fixed chance': `Math.random = () => 0.5;`,
  'keys swallowed': `
    for (const type of ['keydown', 'keypress', 'keyup']) document.addEventListener(type, (e) => { if (['/', 's', 'k', 'e', 'D'].includes(e.key)) { e.preventDefault(); document.querySelector('#last').focus(); } });`,
  'a focus trap': `
    addEventListener('DOMContentLoaded', () => document.addEventListener('focusout', (e) => { if (!e.relatedTarget) window.trapped = true; }));`,
  'late destruction': `
    addEventListener('chatconnect:ready', () => {}, true);
    addEventListener('load', () => setTimeout(() => {
      // No more than Playwright itself can do without.
      Array.prototype.flatMap = Array.prototype.findLast = undefined; String.prototype.at = undefined; Element.prototype.replaceWith = undefined;
    }, 0));`,
};
for (const [name, script] of Object.entries(SCRIPTS)) {
  test(`host script: ${name}`, async () => {
    api.reset();
    const v = await visit(url({ head: `<script>${script}</script>` }), { expect: [/no console/] });
    await v.w.launcher.waitFor();
    await usable(v);
    if (name === 'keys swallowed') {
      await v.w.open();
      await v.w.input.pressSequentially('/seek Demo');
      assert.equal(await v.w.input.inputValue(), '/seek Demo', 'what is typed into the widget is no shortcut of the page');
    }
    const bodies = api.requests.filter((r) => r.path === '/chat/stream' && r.method === 'POST').map((r) => r.body);
    for (const body of bodies) {
      assert.equal(body.message, 'Does it work here?');
      assert.match(body.messageId, /^[\w-]{20,}$/);
    }
    v.check();
    await v.close();
  });
}

test('fixed chance does not make two messages one', async () => {
  api.reset();
  const v = await visit(url({ head: '<script>Math.random = () => 0.5; Date.now = () => 0;</script>' }));
  await v.w.open();
  await v.w.answer('one');
  await v.w.answer('two');
  const ids = api.requests.filter((r) => r.path === '/chat/stream' && r.method === 'POST').map((r) => r.body.messageId);
  assert.equal(new Set(ids).size, ids.length);
  v.check();
  await v.close();
});

test('loaded twice, with the same key: one widget', async () => {
  api.reset();
  const tag = `<script async src="${api.url}" data-key="${api.key}"></script>`;
  const v = await visit(url({ tag: tag + tag }));
  await v.w.launcher.waitFor();
  await v.page.evaluate((src) => new Promise((resolve) => {
    const again = Object.assign(document.createElement('script'), { src, onload: resolve });
    again.dataset.key = document.querySelector('script[data-key]').dataset.key;
    document.head.append(again);
  }), `${api.url}?again`);
  assert.equal(await v.page.locator('chat-connect').count(), 1);
  assert.equal(api.requests.filter((r) => r.path === '/api/widget/config').length, 1);
  await usable(v);
  v.check();
  await v.close();
});

test('a body replaced under it, as Turbo does: the conversation goes on', async () => {
  api.reset();
  const v = await visit(url());
  const { page, w } = v;
  await w.open();
  const hold = gate();
  api.answer = () => [{ token: 'Before and ' }, { hold: hold.promise }, { token: 'after.' }];
  await w.ask('Still there?');
  await w.in(w.last, 'answer').getByText('Before').waitFor();
  for (let n = 0; n < 3; n++) {
    await page.evaluate(async () => {
      const next = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
      document.head.replaceChildren(...next.head.childNodes);
      document.documentElement.replaceChild(document.adoptNode(next.body), document.body);
      for (const inert of document.body.querySelectorAll('script')) { // scripts of a new body run again
        const script = document.createElement('script');
        for (const { name, value } of inert.attributes) script.setAttribute(name, value);
        inert.replaceWith(script);
        await new Promise((resolve) => { script.onload = resolve; });
      }
      history.pushState({}, '', `#${Math.random()}`);
    });
    assert.equal(await page.locator('chat-connect').count(), 1);
    assert.ok(await w.panel.isVisible());
  }
  hold.open();
  const answer = await w.ended(1);
  assert.equal((await w.in(answer, 'answer').innerText()).trim(), 'Before and after.');
  await usable(v, { closed: false });
  v.check();
  await v.close();
});

test('the whole document replaced, or its element removed: it comes back', async () => {
  api.reset();
  const v = await visit(url());
  const { page, w } = v;
  await w.open();
  await w.answer('First');
  await page.evaluate(() => document.querySelector('chat-connect').remove());
  await w.panel.waitFor();
  assert.equal(await w.answers.count(), 1);
  await page.evaluate(() => {
    const body = document.createElement('body');
    body.textContent = 'another page';
    document.documentElement.replaceChildren(document.createElement('head'), body);
  });
  await w.panel.waitFor();
  await usable(v, { closed: false });
  v.check();
  await v.close();
});

test('back and forward: the page out of the cache goes on', async () => {
  const second = await another(['--disable-back-forward-cache']);
  const other = pages.add(shop({ tag: '' }));
  let v;
  for (let tries = 3; ; await v.close()) {
    api.reset();
    v = await visit(url(), { in: second, init: [notesReturns] });
    await v.w.open();
    await v.w.answer('First');
    await v.page.goto(other);
    if (await cameBack(v.page)) break;
    assert.ok(--tries, 'the browser keeps no page');
  }
  const { page, w } = v;
  assert.equal(await w.answers.count(), 1);
  await usable(v, { closed: false });

  // Left in the middle of an answer: it is there, whole and once, whether the
  // browser kept the page or made it anew.
  const hold = gate();
  api.answer = () => [{ token: 'Some ' }, { token: 'of ' }, { hold: hold.promise }, { token: 'it.' }];
  await w.open();
  await w.ask('Half');
  await w.in(w.last, 'answer').getByText('Some').waitFor();
  await page.goto(other);
  hold.open();
  await page.goBack({ waitUntil: 'commit' }); // a page out of the cache has no load event
  await w.reopened();
  const answer = await w.ended();
  assert.equal((await w.in(answer, 'answer').innerText()).trim(), 'Some of it.');
  v.check();
  await v.close();
});

for (const [name, headers, init] of [
  ['storage is blocked (an opaque origin)', { 'Content-Security-Policy': 'sandbox allow-scripts' }],
  ['storage throws', {}, () => {
    for (const name_ of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) Object.defineProperty(window, name_, { get() { throw new DOMException('The operation is insecure.', 'SecurityError'); } });
    Object.defineProperty(document, 'cookie', { get() { throw new DOMException('The operation is insecure.', 'SecurityError'); } });
  }],
  ['storage is full', {}, () => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; }],
  ['storage holds rubbish', {}, () => { Storage.prototype.getItem = function () { return this === localStorage ? '{"id":7,"token":{"a":[null' : null; }; }],
  ['storage is null', {}, () => Object.defineProperty(window, 'localStorage', { get: () => null })],
]) {
  test(name, async () => {
    api.reset();
    const v = await visit(url({}, headers), { init: init ? [init] : [] });
    await usable(v);
    await v.w.open();
    await v.w.answer('A second question');
    const asked = api.requests.filter((r) => r.path === '/chat/stream');
    assert.equal(new Set(asked.map((r) => r.body.sessionId)).size, 1, 'both questions belong to one session');
    v.check();
    await v.close();
  });
}

for (const years of [-30, 20]) {
  test(`the clock is wrong by ${years} years`, async () => {
    api.reset();
    const v = await visit(url(), {
      init: [`{
        const shift = ${years * 365.25 * 86_400_000}, Real = Date;
        window.Date = class extends Real { constructor(...a) { if (a.length) super(...a); else super(Real.now() + shift); } static now() { return Real.now() + shift; } };
      }`],
    });
    await usable(v);
    await v.page.reload();
    await v.w.open(); // it was closed
    await v.w.answers.first().waitFor();
    assert.equal(await v.w.answers.count(), 1, 'the history is there');
    await v.w.answer('Another');
    v.check();
    await v.close();
  });
}

test('several widgets with different keys', async () => {
  api.reset();
  const two = await contract();
  two.key = 'pk_live_another00000000000000000000';
  two.config = { ...two.config, title: 'The second', position: 'bottom-left' };
  const v = await visit(url({ tag: `<script async src="${api.url}" data-key="${api.key}"></script><script async src="${two.url}" data-key="${two.key}"></script>` }));
  await v.page.locator('chat-connect').nth(1).waitFor({ state: 'attached' });
  const { widget } = await import('../harness/browser.mjs');
  const [a, b] = [api.key, two.key].map((key) => widget(v.page, `chat-connect[data-key="${key}"]`));
  await b.open();
  assert.equal(await b.answer('To the second'), 'You asked: To the second');
  await b.part('close').click();
  await a.open();
  assert.equal(await a.answer('To the first'), 'You asked: To the first');
  assert.deepEqual(two.requests.filter((r) => r.path === '/chat/stream').map((r) => r.body.message), ['To the second']);
  v.check();
  await v.close();
  await two.close();
});

test('one of several widgets is made anew: none stands on another', async () => {
  api.reset();
  const two = await contract();
  two.key = 'pk_live_another00000000000000000000';
  const v = await visit(url({ tag: `<script async src="${api.url}" data-key="${api.key}"></script><script async src="${two.url}" data-key="${two.key}"></script>` }));
  const { widget } = await import('../harness/browser.mjs');
  const both = [api.key, two.key].map((key) => widget(v.page, `chat-connect[data-key="${key}"]`));
  for (const key of [api.key, two.key]) {
    for (const w of both) await w.launcher.waitFor();
    const tops = await Promise.all(both.map(async (w) => (await w.launcher.boundingBox()).y));
    assert.ok(Math.abs(tops[0] - tops[1]) >= 56, `they begin at ${tops}`);
    await v.page.evaluate(([key, src]) => {
      window.ChatConnect.of(key).destroy();
      document.head.append(Object.assign(document.createElement('script'), { src, async: true, onload: () => { window.again = true; } }));
      document.head.lastChild.dataset.key = key;
    }, [key, key === api.key ? api.url : two.url]);
    await v.page.waitForFunction(() => window.again);
    await v.page.evaluate(() => { window.again = false; });
  }
  for (const w of both) await w.launcher.waitFor();
  const tops = await Promise.all(both.map(async (w) => (await w.launcher.boundingBox()).y));
  assert.ok(Math.abs(tops[0] - tops[1]) >= 56, `they begin at ${tops}`);
  v.check();
  await v.close();
  await two.close();
});
