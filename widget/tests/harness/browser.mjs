// A visitor: a browser, a page of somebody else's, and the widget in it.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { axe, launch, PATIENCE } from '../../../dashboard/tests/browser/chromium.mjs';
import { widget } from './widget.mjs';

export { widget };

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
  context.setDefaultTimeout(PATIENCE);
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
  page.on('pageerror', (error) => wrong.push(`exception: ${error.message} ${error.stack?.split('\n')[1] ?? ''}`));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content.Security.Policy|TrustedHTML|TrustedScript/i.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
}

/** stopClock makes the timers of a page's next documents wait for page.clock. */
export async function stopClock(page) {
  const now = Date.now();
  await page.clock.install({ time: now });
  await page.clock.pauseAt(now + 60_000);
}

/** notesReturns is the script of a page that cameBack is asked about. */
export const notesReturns = () => {
  addEventListener('pagehide', () => { window.restored = undefined; });
  addEventListener('pageshow', (event) => { window.restored = event.persisted; });
};

/**
 * cameBack goes to the page before and returns whether the browser has kept it.
 * That it didn't may be for reasons of its own, as when the machine is slow; it
 * is an error if the page is to blame.
 */
export async function cameBack(page) {
  await page.goBack({ waitUntil: 'commit' }); // a page out of the cache has no load event
  await page.waitForFunction(() => window.restored !== undefined);
  const { restored, why } = await page.evaluate(() => ({ restored: window.restored, why: performance.getEntriesByType('navigation')[0].notRestoredReasons }));
  if (!restored) assert.deepEqual(why?.reasons.map(({ reason }) => reason), ['masked'], 'the page keeps the browser from keeping it');
  return restored;
}

/** accessible asserts that axe finds nothing in the widget. */
export async function accessible(page, state) {
  assert.deepEqual(await axe(page), [], `axe in state ${state}`);
}
