// Whatever a server, a document or a tenant says: no script of it runs, and the
// strictest policy a page can have is never violated.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { after } from 'node:test';
import { visit } from '../harness/browser.mjs';
import { contract, SOURCES } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';
import { until } from '../harness/until.mjs';

const corpus = JSON.parse(readFileSync(new URL('../corpus/xss.json', import.meta.url)));
const texts = [...corpus.markup, ...corpus.markdown];
const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));

const NONCE = 'n0nceForTheTests';
const STRICT = [
  "default-src 'none'", `script-src 'nonce-${NONCE}'`, `connect-src ${api.origin}`, "style-src 'none'", "img-src data:", "font-src 'none'",
  "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'", 'report-uri /report',
].join('; ');
const strict = (extra = {}) => pages.add(shop({ script: api.url, key: api.key, nonce: NONCE, ...extra }), { 'Content-Security-Policy': STRICT });

/** tempt presses, hovers and focuses everything in the widget that content could have made. */
async function tempt(page) {
  return page.evaluate(() => {
    const root = document.querySelector('chat-connect').shadowRoot;
    const bad = [];
    const allowed = new Set(['https:', 'http:', 'mailto:']);
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (/^on/i.test(name)) bad.push(`${element.localName} has ${name}`);
        if (name === 'style' || name === 'srcdoc' || name === 'formaction') bad.push(`${element.localName} has ${name}=${value}`);
        if (['href', 'src', 'action', 'data', 'xlink:href', 'srcset', 'poster'].includes(name)) {
          // An address that can't be parsed leads nowhere.
          if (URL.canParse(value, location.href) && !allowed.has(new URL(value, location.href).protocol)) bad.push(`${element.localName} ${name}=${JSON.stringify(value)}`);
          if (element.localName === 'a' && !/\bnoopener\b/.test(element.rel)) bad.push(`a link to ${value} has rel=${element.rel}`);
        }
      }
      if (['script', 'iframe', 'object', 'embed', 'base', 'meta', 'link', 'form', 'img', 'video', 'audio'].includes(element.localName) && !element.dataset.cc && !element.closest('[data-cc=feedback-form]')) bad.push(`a <${element.localName}>`);
    }
    const inContent = root.querySelectorAll('[data-cc=answer] *, [data-cc=source] *, [data-cc=greeting] *, [data-cc=suggestion]');
    for (const element of inContent) {
      for (const type of ['pointerenter', 'mouseover', 'focus', 'animationstart', 'toggle', 'error', 'load']) element.dispatchEvent(new Event(type));
      if (element.localName === 'a') {
        // A press that goes nowhere, but would run what the link says.
        element.addEventListener('click', (e) => { if (/^(https?|mailto):/.test(element.href)) e.preventDefault(); }, { once: true });
        element.click();
      }
    }
    return bad;
  });
}

const settle = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 30))));

test('the corpus is one, and its tripwire works', async () => {
  assert.ok(new Set(Object.values(corpus).flat()).size >= 100, 'the corpus is too small');
  const naive = pages.add('<!doctype html><title>naive</title><div id="x"></div>');
  const { page, wrong, close } = await visit(naive);
  for (const text of corpus.markup) {
    await page.evaluate((html) => { document.querySelector('#x').innerHTML = html; }, text).catch(() => {});
  }
  // Those of pictures that can't be loaded come when that is known.
  await until('20 scripts of a corpus that is trusted', () => wrong.filter((w) => w.startsWith('script ran')).length >= 20);
  await close();
});

test('a whole conversation under the strictest policy and Trusted Types', async () => {
  api.reset();
  pages.reports.length = 0;
  api.config = { ...api.config, suggestedQuestions: ['What does it cost?'] };
  api.answer = () => [{ token: '**Bold** and `code` and [a link](https://example.com/x)\n\n' }, { token: '| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n\n- one [1]\n- two [2]\n' }, { sources: SOURCES }];
  const { page, w, check, close } = await visit(strict());
  await w.open();
  await w.part('suggestion').first().click();
  const answer = await w.ended(1);
  await w.in(answer, 'cite').first().click();
  await answer.locator('details[open]').first().waitFor();
  await w.in(answer, 'feedback-down').click();
  await w.in(answer, 'feedback-comment').fill('Not what I asked.');
  await w.in(answer, 'feedback-send').click();
  await w.in(answer, 'copy').click();
  await page.evaluate(() => window.ChatConnect.theme({ primaryColor: '#aa0044', colorScheme: 'dark', position: 'bottom-left', title: 'Other' }));
  await w.part('new-chat').click();
  await w.answer('Again?');
  await page.reload();
  await w.launcher.waitFor();
  await page.evaluate(() => window.ChatConnect.destroy());
  await settle(page);
  assert.deepEqual(pages.reports, [], 'the browser reports violations');
  check();
  await close();
});

test('the policy of the test is enforced', async () => {
  pages.reports.length = 0;
  const { page, wrong, close } = await visit(strict());
  await page.evaluate(() => {
    document.body.setAttribute('style', 'color: red');
    try {
      document.body.innerHTML = '<b>x</b>';
    } catch {
      // Trusted Types
    }
  });
  await until('the violations', () => wrong.some((text) => /style-src/.test(text)) && wrong.some((text) => /trusted-types/.test(text)));
  await close();
});

for (const [policy, url] of [['no policy', () => pages.add(shop({ script: api.url, key: api.key }))], ['strict', strict]]) {
  test(`the corpus as answers: ${policy}`, async () => {
    api.reset();
    const all = [...texts, ...corpus.links.map((link) => `[press](${link})`), ...corpus.links.map((link) => `<${link}>`), ...corpus.links];
    let turn = 0;
    // Ten to an answer, in tokens of odd sizes, so that marks are cut in two.
    api.answer = () => {
      const text = all.slice(turn, turn + 10).join('\n\n');
      turn += 10;
      return [...text.matchAll(/[^]{1,7}/gu)].map(([token]) => ({ token }));
    };
    const { page, w, check, close } = await visit(url());
    await w.open();
    for (let n = 0; n < all.length / 10; n++) {
      await w.answer(`Question ${n}`);
      assert.deepEqual(await tempt(page), [], `answer ${n}`);
    }
    await page.reload(); // and the same out of the history
    await w.reopened();
    await w.ended();
    assert.deepEqual(await tempt(page), []);
    await settle(page);
    check();
    await close();
  });
}

test('the corpus as sources', async () => {
  api.reset();
  let turn = 0;
  api.answer = () => {
    const part = texts.slice(turn * 5, turn * 5 + 5);
    const link = corpus.links[turn % corpus.links.length];
    turn++;
    return [{ token: part.map((_, i) => `Word [${i + 1}]`).join(' ') }, {
      sources: part.map((text, i) => ({ index: i + 1, documentId: text, name: text, page: i % 2 ? i : undefined, row: i % 2 ? undefined : text, score: 0.5, snippet: text, url: link })),
    }];
  };
  const { page, w, check, close } = await visit(strict());
  await w.open();
  for (let n = 0; n < texts.length / 5; n++) {
    await w.answer(`Question ${n}`);
    await page.evaluate(() => document.querySelector('chat-connect').shadowRoot.querySelectorAll('details').forEach((d) => { d.open = true; }));
    assert.deepEqual(await tempt(page), [], `answer ${n}`);
  }
  await settle(page);
  check();
  await close();
});

test('the corpus as what the tenant configured', async () => {
  api.reset();
  const url = strict();
  for (let n = 0; n < texts.length; n += 6) {
    const part = texts.slice(n, n + 6);
    const link = corpus.links[(n / 6) % corpus.links.length];
    api.config = {
      ...api.config, title: part[0], greeting: part.join('\n'), placeholder: part[1] ?? 'x', suggestedQuestions: part, launcherText: part[2] ?? 'x',
      primaryColor: part[3] ?? link, position: part[4] ?? link, colorScheme: part[5] ?? link, locale: part[0], avatarUrl: link, launcherIcon: link,
    };
    const { page, w, check, close } = await visit(url);
    await w.open().catch((error) => {
      check(); // it may say why
      throw error;
    });
    assert.deepEqual(await tempt(page), [], `texts ${n}`);
    // The same by the page's own call.
    await page.evaluate((theme) => window.ChatConnect.theme(theme), api.config);
    assert.deepEqual(await tempt(page), [], `theme ${n}`);
    await settle(page);
    check();
    await close();
  }
});

test('the corpus as questions, errors and comments', async () => {
  api.reset();
  let n = 0;
  const { page, w, check, close } = await visit(strict());
  await w.open();
  for (n = 0; n < texts.length; n += 8) {
    const text = texts.slice(n, n + 8).join('\n').slice(0, 1900).replaceAll('\0', '');
    const failing = n % 16 === 8;
    api.refuse = (request, path) => (failing && path === '/chat/stream' ? { status: 422, code: text, detail: text } : undefined);
    await w.ask(text);
    await w.ended((n / 8) + 1);
    assert.deepEqual(await tempt(page), [], `question ${n}`);
  }
  await settle(page);
  check();
  await close();
});
