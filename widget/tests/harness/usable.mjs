// A visitor who tries the whole widget on a page.

import assert from 'node:assert/strict';
import { SOURCES } from './contract.mjs';

/** uses returns what has a whole conversation on a page, by what is really seen and hit. */
export const uses = (api) => async ({ page, w }, { closed = true } = {}) => {
  api.answer = (question) => [{ token: `**You** asked: ` }, { wait: 20 }, { token: question }, { token: ' [1]' }, { sources: SOURCES }];
  await w.launcher.waitFor();
  const { width, height } = page.viewportSize();
  const seen = async (locator, what) => {
    await locator.scrollIntoViewIfNeeded();
    const box = await locator.boundingBox();
    assert.ok(box && box.width >= 20 && box.height >= 10, `${what} is ${JSON.stringify(box)}`);
    assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width + 1 && box.y + box.height <= height + 1, `${what} is outside: ${JSON.stringify(box)}`);
    const hit = await page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.localName, [box.x + box.width / 2, box.y + box.height / 2]);
    assert.equal(hit, 'chat-connect', `${what} is behind something`);
    const style = await locator.evaluate((e) => {
      const s = getComputedStyle(e);
      return { visible: e.checkVisibility({ opacityProperty: true, visibilityProperty: true }), opacity: +s.opacity, size: parseFloat(s.fontSize), direction: s.writingMode, transform: s.textTransform };
    });
    assert.ok(style.visible, `${what} can't be seen`);
    assert.ok(style.size >= 11 && style.size <= 26, `${what} has text of ${style.size} px`);
    assert.deepEqual([style.direction, style.transform], ['horizontal-tb', 'none'], what);
  };
  if (closed) {
    await seen(w.launcher, 'the launcher');
    await w.open();
  }
  await seen(w.input, 'the field');
  const before = await w.answers.count();
  await w.ask('Does it work here?');
  const answer = await w.ended(before + 1);
  assert.equal(await answer.getAttribute('data-status'), 'answered', await answer.innerText());
  assert.match(await w.in(answer, 'answer').innerText(), /^You asked: Does it work here\?/);
  await seen(w.in(answer, 'answer'), 'the answer');
  await w.in(answer, 'cite').first().click();
  await answer.locator('details[open]').waitFor();
  await w.in(answer, 'feedback-up').click();
  assert.equal(await w.in(answer, 'feedback-up').getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('Escape');
  if (closed) await w.panel.waitFor({ state: 'hidden' });
};
