// The field: it counts as the server counts (code points), and never sends
// what is still being composed.

import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { visit } from '../harness/browser.mjs';
import { contract, gate } from '../harness/contract.mjs';
import { hostPages, shop } from '../harness/pages.mjs';

const api = await contract();
const pages = await hostPages();
after(() => Promise.all([api.close(), pages.close()]));
const url = pages.add(shop({ script: api.url, key: api.key }));
const asked = () => api.requests.filter((r) => r.method === 'POST' && r.path === '/chat/stream').map((r) => r.body.message);

const FAMILY = '👩‍👩‍👧‍👦'; // 7 code points, 11 UTF-16 units
const EDGES = [
  // what, text, may be sent
  ['nothing', '', false], ['a blank', ' ', false], ['blanks and lines', ' \n\t \n', false], ['no-break space', '\u00a0', false], ['ideographic space', '\u3000', false],
  ['one letter', 'a', true], ['one emoji', '😀', true], ['one family', FAMILY, true], ['one flag', '🇩🇪', true], ['a combining mark', 'e\u0301', true], ['a CJK character', '中', true], ['beyond the BMP', '𠮷', true],
  ['2000 letters', 'a'.repeat(2000), true], ['2001 letters', 'a'.repeat(2001), false], ['1999 letters', 'a'.repeat(1999), true],
  ['2000 emoji', '😀'.repeat(2000), true], ['2001 emoji', '😀'.repeat(2001), false], ['1001 emoji', '😀'.repeat(1001), true],
  ['285 families', FAMILY.repeat(285), true], ['286 families', FAMILY.repeat(286), false],
  ['1999 letters and an emoji', `${'a'.repeat(1999)}😀`, true], ['2000 letters and an emoji', `${'a'.repeat(2000)}😀`, false], ['an emoji and 1999 letters', `😀${'a'.repeat(1999)}`, true],
  ['1000 flags', '🇩🇪'.repeat(1000), true], ['1001 flags', '🇩🇪'.repeat(1001), false],
  ['2000 CJK', '中'.repeat(2000), true], ['2000 beyond the BMP', '𠮷'.repeat(2000), true], ['2001 beyond the BMP', '𠮷'.repeat(2001), false],
  ['1000 decomposed', 'e\u0301'.repeat(1000), true], ['skin tones', '👍🏽'.repeat(1000), true], ['skin tones, one more', '👍🏽'.repeat(1001), false],
  ['keycaps', '1\ufe0f\u20e3'.repeat(666), true], ['keycaps, one more', '1\ufe0f\u20e3'.repeat(667), false],
  ['lines', 'a\n'.repeat(999) + 'aa', true], ['lines, too many', 'a\n'.repeat(1000) + 'aa', false],
  ['Arabic', 'م'.repeat(2000), true], ['Hebrew with points', 'שָׁ'.repeat(500), true], ['Devanagari', 'क्ष'.repeat(666), true],
  ['a zero-width joiner', `a\u200d${'b'.repeat(1998)}`, true], ['mathematical letters', '𝒜'.repeat(2000), true], ['mathematical letters, one more', '𝒜'.repeat(2001), false],
  ['tabs inside', `a${'\t'.repeat(1998)}b`, true], ['markup', '<b>&amp;</b>'.repeat(166), true], ['an emoji with a selector', '❤️'.repeat(1000), true], ['an emoji with a selector, one more', '❤️'.repeat(1001), false],
];

test(`${EDGES.length} edges of the counter`, async () => {
  api.reset();
  const { w, check, close } = await visit(url);
  await w.open();
  let turn = 0;
  for (const [what, text, may] of EDGES) {
    await w.input.fill(text);
    const points = [...text].length;
    const can = await w.send.evaluate((e) => !e.disabled && e.getAttribute('aria-disabled') !== 'true');
    assert.equal(can, may, `${what} (${points} code points): the button is ${can ? 'on' : 'off'}`);
    if (points > 1900) {
      const shown = (await w.counter.innerText()).replace(/[.,\s\u00a0\u202f’']/g, '');
      assert.match(shown, new RegExp(`(^|\\D)(${points}\\D*2000|-?${Math.abs(2000 - points)})(\\D|$)`), `${what}: the counter says ${shown}`);
    }
    await w.input.press('Enter');
    if (may) {
      turn++;
      await w.ended(turn);
      assert.equal(asked().length, turn, what);
      assert.equal(asked().at(-1).trim(), text.trim(), what);
      assert.equal(await w.input.inputValue(), '', `${what}: the field is empty after sending`);
    } else {
      assert.equal(asked().length, turn, `${what}: was sent`);
      assert.equal(await w.input.inputValue(), text.replace(/\n$/, '\n'), `${what}: what was written is kept`);
    }
  }
  check();
  await close();
});

test('what is being composed is not sent by Enter', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url);
  await w.open();
  await w.input.focus();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
  await page.waitForFunction((input) => input.value === 'にほん', await w.input.elementHandle());
  // The Enter that accepts a candidate: keyCode 229, isComposing.
  await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 });
  await page.evaluate(() => {
    const input = document.querySelector('chat-connect').shadowRoot.querySelector('[data-cc=input]');
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, composed: true, cancelable: true }));
  });
  assert.deepEqual(asked(), [], 'sent in the middle of composing');
  assert.equal(await w.input.inputValue(), 'にほん');
  await cdp.send('Input.insertText', { text: '日本' });
  await page.waitForFunction((input) => input.value === '日本', await w.input.elementHandle());
  // Safari ends the composition first and then reports the Enter, with 229.
  await page.evaluate(() => {
    const input = document.querySelector('chat-connect').shadowRoot.querySelector('[data-cc=input]');
    const event = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true, cancelable: true, keyCode: 229, which: 229 });
    input.dispatchEvent(event);
  });
  assert.deepEqual(asked(), [], "sent by Safari's Enter");
  await page.keyboard.press('Enter');
  await w.ended(1);
  assert.deepEqual(asked(), ['日本']);
  check();
  await close();
});

test('paste keeps lines, drops markup, and the field grows and shrinks', async () => {
  api.reset();
  const { page, w, check, close } = await visit(url);
  await w.open();
  const low = (await w.input.boundingBox()).height;
  await w.input.focus();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData('text/html', '<b>bold</b>');
    data.setData('text/plain', 'one\ntwo\nthree\nfour');
    document.querySelector('chat-connect').shadowRoot.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true, composed: true }));
  });
  // A script's paste event inserts nothing by itself: the browser's own does.
  if (await w.input.inputValue() === '') await page.keyboard.insertText('one\ntwo\nthree\nfour');
  assert.equal(await w.input.inputValue(), 'one\ntwo\nthree\nfour');
  const high = (await w.input.boundingBox()).height;
  assert.ok(high > low, `${high} px for four lines, ${low} px for one`);
  await w.input.fill('line\n'.repeat(60));
  assert.ok((await w.input.boundingBox()).height < 300, 'it does not push the conversation out');
  await w.send.click();
  await w.ended(1);
  assert.equal((await w.input.boundingBox()).height, low, 'it shrinks again');
  check();
  await close();
});

test('one question at a time, and what is written meanwhile is kept', async () => {
  api.reset();
  const hold = gate();
  api.answer = () => [{ token: 'slow ' }, { hold: hold.promise }, { token: 'answer' }];
  const { w, check, close } = await visit(url);
  await w.open();
  await w.ask('First');
  await w.stop.waitFor();
  await w.input.fill('Second');
  await w.input.press('Enter');
  hold.open();
  await w.ended(1);
  assert.deepEqual(asked(), ['First']);
  assert.equal(await w.input.inputValue(), 'Second');
  await w.input.press('Enter');
  await w.ended(2);
  assert.deepEqual(asked(), ['First', 'Second']);
  check();
  await close();
});
