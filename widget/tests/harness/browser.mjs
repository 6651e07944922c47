// A visitor: a browser, a page of somebody else's, and the widget in it.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { axe, launch } from '../../../dashboard/tests/browser/chromium.mjs';

// Strangers' pages have names of their own, and those are not secure contexts:
// no clipboard, no crypto.randomUUID, another site than the API's.
const NAMES = '--host-resolver-rules=MAP *.test 127.0.0.1';
export const browser = await launch([NAMES]);
after(() => browser.close());

/** another launches a second browser that goes without some of Playwright's switches. */
export async function another(ignoreDefaultArgs) {
  const second = await launch([NAMES], { ignoreDefaultArgs });
  after(() => second.close());
  return second;
}

/**
 * visit opens a page in a context of its own. What must never happen is
 * collected: exceptions, dialogs, policy violations, the tripwire of the XSS
 * corpus. check() asserts that nothing did.
 */
export async function visit(url, { init = [], expect = [], in: where = browser, ...options } = {}) {
  const context = await where.newContext({ viewport: { width: 1100, height: 760 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  watch(page, wrong);
  await context.exposeFunction('ccWrong', (text) => wrong.push(text));
  await context.addInitScript(() => {
    const tell = window.ccWrong;
    window.addEventListener('securitypolicyviolation', (e) => tell(`policy: ${e.violatedDirective} blocks ${e.blockedURI} ${e.sample} (${e.sourceFile}:${e.lineNumber})`), true);
    window.ccTripwire = (what) => tell(`script ran: ${what}`);
  });
  for (const script of init) await context.addInitScript(script);
  if (url) await page.goto(url);
  const check = () => assert.deepEqual(wrong.filter((text) => !expect.some((pattern) => pattern.test(text))), []);
  return { page, context, wrong, check, w: widget(page), close: () => context.close() };
}

function watch(page, wrong) {
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => wrong.push(`exception: ${error.message} ${error.stack?.split('\n')[1] ?? ''}`));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content.Security.Policy|TrustedHTML|TrustedScript/i.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
}

/** widget finds the parts of a page's widget by their hooks (widget/README.md). */
export function widget(page, host = 'chat-connect') {
  const root = page.locator(host).first();
  const part = (name) => root.locator(`[data-cc=${name}]`);
  const messages = part('message');
  const w = {
    root,
    part,
    launcher: part('launcher'),
    panel: part('panel'),
    input: part('input'),
    send: part('send'),
    stop: part('stop'),
    notice: part('notice'),
    counter: part('counter'),
    status: part('status'),
    messages,
    questions: root.locator('[data-cc=message][data-role=visitor]'),
    answers: root.locator('[data-cc=message][data-role=assistant]'),
    last: root.locator('[data-cc=message][data-role=assistant]').last(),
    in: (message, name) => message.locator(`[data-cc=${name}]`),

    async open() {
      await w.launcher.click();
      await w.panel.waitFor();
    },

    /** reopened waits until the panel is open by itself, as it was on the page before. */
    reopened: () => w.panel.waitFor(),

    /** asked are the questions, without what only screen readers are told. */
    asked: () => w.questions.evaluateAll((all) => all.map((e) => {
      const copy = e.cloneNode(true);
      for (const spoken of copy.querySelectorAll('[data-cc=spoken]')) spoken.remove();
      return copy.textContent;
    })),

    async ask(question) {
      await w.input.fill(question);
      await w.send.click();
    },

    /** ended waits for the last answer to end and returns it. */
    async ended(count, status = /^(answered|unanswered|stopped|error)$/, timeout = 60_000) {
      const nth = count === undefined ? w.last : w.answers.nth(count - 1);
      await nth.waitFor({ timeout });
      const end = Date.now() + timeout;
      for (let now; ; await page.waitForTimeout(15)) {
        now = await nth.getAttribute('data-status');
        if (status.test(now)) return nth;
        if (Date.now() > end) assert.fail(`the answer is still ${now}: ${await nth.innerText()}`);
      }
    },

    /** answer asks and returns the text of what comes. */
    async answer(question, status = 'answered') {
      const before = await w.answers.count();
      await w.ask(question);
      const message = await w.ended(before + 1);
      assert.equal(await message.getAttribute('data-status'), status, await message.innerText());
      return w.in(message, 'answer').innerText();
    },

    focused: () => page.evaluate((h) => {
      let active = document.activeElement;
      while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
      return active?.dataset?.cc ?? active?.id ?? active?.localName ?? h;
    }, host),
  };
  return w;
}

/** accessible asserts that axe finds nothing in the widget. */
export async function accessible(page, state) {
  assert.deepEqual(await axe(page), [], `axe in state ${state}`);
}
