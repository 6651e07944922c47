// axe finds nothing in any state, in both colour schemes and on a phone, and
// everything can be done with the keyboard alone.

import assert from 'node:assert/strict';
import test from 'node:test';
import { accessible, answered, ask, createClient, FACT, feedOf, manual, newPerson, open, QUESTION, ready, register, row, textFile, upload } from './browser.mjs';

const PHONE = { width: 360, height: 740 };
const VIEWS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'phone, light': { colorScheme: 'light', viewport: PHONE, hasTouch: true, isMobile: true },
  'phone, dark': { colorScheme: 'dark', viewport: PHONE },
  'reduced motion': { colorScheme: 'light', reducedMotion: 'reduce' },
};

for (const [view, options] of Object.entries(VIEWS)) {
  test(`axe finds nothing: ${view}`, async () => {
    const { page, check } = await open(options);
    const feed = await feedOf(page);
    const shot = (state) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${view.replace(/\W+/g, '-')}-${state}.png` });
    await page.goto('/');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    await accessible(page, 'log in');
    await shot('1-login');
    await page.getByRole('button', { name: 'Create an account' }).click();
    await page.getByLabel('Your name').fill('Ada');
    await page.getByLabel('Email address').fill(newPerson().email);
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.locator('#auth-error').waitFor();
    await accessible(page, 'register, refused');
    await shot('2-register');
    await register(page);
    await accessible(page, 'first website');
    await shot('3-first');
    await createClient(page, 'Axe');
    await accessible(page, 'no documents');
    await shot('4-empty');
    // Small files are ready before axe has looked: these two stay as they are.
    feed.tell({ name: 'price-list.csv', type: 'csv', status: 'embedding', stage: 'Indexing passages', progress: 62 });
    feed.tell({ name: 'contract.pdf', type: 'pdf', status: 'failed', error: { code: 'document_password_protected', message: 'This PDF is protected by a password. Remove the password and upload it again.' } });
    await upload(page, textFile('empty.txt', ''), manual('zephyr-9-manual.txt', 1500), textFile('a-file-with-quite-a-long-name-for-a-phone-screen-2026-11.txt', FACT));
    await row(page, 'empty.txt').locator('.row-error').waitFor();
    await row(page, 'price-list.csv').getByRole('progressbar', { name: 'Progress of price-list.csv' }).waitFor();
    await row(page, 'contract.pdf').getByText('Remove the password').waitFor();
    await accessible(page, 'ingesting');
    await shot('5-ingesting');
    await ready(page, 'zephyr-9-manual.txt');
    await ask(page, QUESTION);
    await page.locator('.answer').waitFor();
    await accessible(page, 'answering');
    await shot('6-answering');
    const answer = await answered(page);
    await answer.locator('.cite').first().click();
    await accessible(page, 'answered');
    await shot('7-answered');
    await page.getByText('Try it from a terminal').click();
    await page.getByRole('button', { name: 'New website' }).click();
    await accessible(page, 'new website');
    await shot('8-dialog');
    check();
  });
}

// What the API says of who may register, and the links that open the form.
const FIRST = { mode: 'closed', firstAccount: true, verification: false };
const SIGN_INS = {
  closed: { allowed: { ...FIRST, firstAccount: false }, heading: 'Log in to ChatConnect', says: 'New accounts are made by the operator.' },
  'invitations only': { allowed: { mode: 'invite', firstAccount: false, verification: false }, heading: 'Log in to ChatConnect', says: 'A new account needs an invitation from the operator.' },
  'first account': { allowed: FIRST, heading: 'Create your account', says: 'The first one is yours.' },
  invitation: { allowed: { mode: 'invite', firstAccount: false, verification: true }, hash: '#email=ada%40example.com&invitation=abc', heading: 'Create your account', says: 'You are invited.' },
  verification: { allowed: { mode: 'open', firstAccount: false, verification: true }, hash: '#email=ada%40example.com&verification=abc', heading: 'Confirm your email address', says: 'Enter the password you registered with.' },
};

for (const [view, options] of Object.entries(VIEWS)) {
  if (options.reducedMotion) continue; // nothing moves here
  test(`axe finds nothing when signing in: ${view}`, async () => {
    for (const [state, { allowed, hash = '', heading, says }] of Object.entries(SIGN_INS)) {
      const { page, context, check } = await signIn(options, allowed, hash, heading);
      await page.getByText(says).waitFor();
      assert.equal(await page.getByRole('button', { name: 'Create an account' }).isVisible(), false, `${state}: none can be made from here`);
      if (hash) {
        assert.equal(await page.getByRole('textbox', { name: 'Email address' }).inputValue(), 'ada@example.com');
        assert.equal(new URL(page.url()).hash, '', `${state}: the token stays in the address`);
      }
      await accessible(page, state);
      await shot(page, view, state);
      if (hash) await refused(page, view, state);
      check();
      await context.close();
    }
    await mailed(options, view);
  });
}

const shot = (page, view, state) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${view.replace(/\W+/g, '-')}-${state.replace(/\W+/g, '-')}.png`, fullPage: true });

/** signIn opens the form of an installation that lets these register. */
async function signIn(options, allowed, hash, heading) {
  const opened = await open(options);
  await opened.page.route('**/api/auth/registration', (route) => route.fulfill({ json: allowed }));
  await opened.page.goto(`/${hash}`);
  await opened.page.getByRole('heading', { name: heading }).waitFor();
  return opened;
}

/** refused sends a form whose link the server doesn't know. */
async function refused(page, view, state) {
  if (await page.getByLabel('Your name').isVisible()) await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Password', { exact: true }).fill(newPerson().password);
  await page.locator('#auth-submit').click();
  await page.locator('#auth-error').waitFor();
  await accessible(page, `${state}, refused`);
  await shot(page, view, `${state} refused`);
}

/** mailed registers where an address is confirmed by mail. */
async function mailed(options, view) {
  const { page, context, check } = await signIn(options, { mode: 'open', firstAccount: false, verification: true }, '', 'Log in');
  const person = newPerson();
  await page.route('**/api/auth/register', (route) => route.fulfill({ status: 202, json: { verification: 'mailed' } }));
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Your name').fill(person.name);
  await page.getByLabel('Email address').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'Look into your mailbox' }).waitFor();
  await page.getByText(`We sent a mail to ${person.email}.`).waitFor();
  assert.ok(await page.locator('#auth-title').evaluate((element) => element === document.activeElement), 'the focus moves to what is new');
  await accessible(page, 'mailed');
  await shot(page, view, 'mailed');
  check();
  await context.close();
}

test('everything can be done with the keyboard', async () => {
  const { page, check } = await open({ reducedMotion: 'reduce' });
  page.on('filechooser', () => {}); // from now on, and not only once the key is pressed, the test is the chooser
  const person = newPerson();
  await page.goto('/');
  await page.getByRole('heading', { name: 'Log in' }).waitFor();

  /** reach presses Tab until an element matches, and checks that the focus shows. */
  async function reach(selector) {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const found = await page.evaluate((s) => {
        const active = document.activeElement;
        const style = getComputedStyle(active);
        return { matches: active.matches(s), visible: active === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.outlineStyle === 'auto', what: active.id || active.className };
      }, selector);
      assert.ok(found.visible, `the focus can't be seen on ${found.what}`);
      if (found.matches) return;
    }
    assert.fail(`${selector} can't be reached`);
  }

  await reach('#auth-switch');
  await page.keyboard.press('Enter');
  await page.keyboard.type(person.name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(person.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(person.password);
  await page.keyboard.press('Enter');
  await page.locator('#first-client-name').waitFor();
  await page.waitForFunction(() => document.activeElement.id === 'first-client-name');
  await page.keyboard.type('By keyboard');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'choose');
  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('Space');
  await (await chooser).setFiles([textFile('keys.txt', FACT)]);
  await ready(page, 'keys.txt');
  await reach('#key-copy');
  await reach('#question');
  await page.keyboard.type('One line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('and another');
  assert.equal(await page.locator('#question').inputValue(), 'One line\nand another');
  await page.keyboard.press('Control+A');
  await page.keyboard.type(QUESTION);
  await page.keyboard.press('Enter');
  await answered(page);
  assert.ok(await page.locator('#question').evaluate((element) => element === document.activeElement), 'the focus stays in the field');
  await page.keyboard.press('Shift+Tab'); // the last source
  await page.keyboard.press('Enter');
  await page.locator('.source[open]').waitFor();
  await page.locator('h1').first().evaluate(() => document.activeElement.blur());
  await reach('#client-new');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement.id === 'client-new');
  await reach('#logout');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.id === 'auth-email');
  check();
});
