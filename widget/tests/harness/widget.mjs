// The widget as a visitor's hands and eyes find it.

import assert from 'node:assert/strict';
import { PATIENCE } from '../../../dashboard/tests/browser/chromium.mjs';

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
    async ended(count, status = /^(answered|unanswered|smalltalk|handoff_requested|stopped|error)$/, timeout = 3 * PATIENCE) {
      const nth = count === undefined ? w.last : w.answers.nth(count - 1);
      await nth.waitFor({ timeout });
      const end = Date.now() + timeout;
      for (let now; ; await page.waitForTimeout(15)) {
        now = await nth.getAttribute('data-status');
        if (status.test(now)) return nth;
        if (Date.now() > end) assert.fail(`the answer is still ${now}: ${await nth.innerText()}`);
      }
    },

    /** reads waits until the last answer has a text in it. */
    async reads(text) {
      try {
        await w.in(w.last, 'answer').getByText(text).first().waitFor();
      } catch (error) {
        assert.fail(`no ${text} in ${await w.panel.innerText()}\n${error.message.split('\n')[0]}`);
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
