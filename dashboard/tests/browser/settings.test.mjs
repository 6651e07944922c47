// The settings of a website, against a product with models to choose from:
// they are changed, refused, kept, and only shown to those who may not.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import test from 'node:test';
import { model, stack } from '../../../widget/tests/harness/stack.mjs';

const MODELS = ['fake-large', 'fake-small'];
const llm = await model();
const product = await stack({ modelOrigin: llm.origin, environ: { ALLOWED_MODELS: MODELS.join(',') } }).catch(async (error) => {
  await llm.kill();
  throw error;
});
after(async () => {
  await product.stop();
  await llm.kill();
});
process.env.BASE_URL = product.origin; // of this file's process alone
const { accessible, answered, ask, createClient, FACT, live, logged, open, QUESTION, ready, register, textFile, upload } = await import('./browser.mjs');

const PHONE = { width: 360, height: 740 };
const section = (page) => page.locator('#settings');
const dialog = (page) => page.getByRole('dialog', { name: 'Website settings' });
const change = async (page) => {
  await page.getByRole('button', { name: 'Change settings' }).click();
  await dialog(page).waitFor();
};
const save = (page) => dialog(page).getByRole('button', { name: /^Save/ }).click();
const focused = (page) => page.evaluate(() => document.activeElement.id);

/** described returns what a screen reader adds to a field's name. */
const described = (field) => field.evaluate((element) => element.getAttribute('aria-describedby').split(' ')
  .map((id) => document.getElementById(id)).filter((e) => !e.hidden).map((e) => e.textContent.trim()).filter(Boolean).join(' '));

test('model, budget and retention are changed, refused with a reason, and kept', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Settings');
  await section(page).getByText('The free tier’s model').waitFor();
  await section(page).getByText('0 of 5,000,000 used this month (the operator’s limit)').waitFor();
  await section(page).getByText('Kept until they are deleted').waitFor();
  await upload(page, textFile('facts.txt', FACT));
  await ready(page, 'facts.txt');
  await ask(page, QUESTION);
  await answered(page);

  // What was used is counted once the exchange has been logged.
  const used = dialog(page).locator('#settings-used');
  await logged(page, 1);
  await change(page);
  assert.match(await used.innerText(), /^[1-9][\d,]* tokens used this month\.$/);
  const name = dialog(page).getByLabel('Website name');
  const models = dialog(page).getByLabel('Model');
  const budget = dialog(page).getByLabel('Tokens a month');
  const days = dialog(page).getByLabel('Days that conversations are kept');
  assert.equal(await focused(page), 'settings-name');
  assert.deepEqual(await models.locator('option').allInnerTexts(), ['The free tier’s model', ...MODELS]);

  // Each wrong value is refused beside its field, and nothing is saved.
  for (const [field, wrong, said] of [
    [name, '  ', /name/i],
    [budget, 'a lot', /whole number such as 1,000,000/],
    [budget, '1.5', /whole number such as 1,000,000/],
    [budget, '0', /whole number such as 1,000,000/],
    [days, '3651', /1 to 3,650/],
    [days, '-1', /1 to 3,650/],
  ]) {
    const right = await field.inputValue();
    await field.fill(wrong);
    await save(page);
    await page.waitForFunction((element) => element.getAttribute('aria-invalid') === 'true' && element === document.activeElement, await field.elementHandle());
    assert.match(await described(field), said);
    assert.equal(await dialog(page).locator('[aria-invalid]').count(), 1);
    assert.equal(await field.inputValue(), wrong, 'what was typed is still there');
    await accessible(page, `refused: ${wrong}`);
    await field.fill(right);
    assert.equal(await field.getAttribute('aria-invalid'), null, 'a corrected field is not blamed');
  }
  // A model that the operator has taken away meanwhile.
  await models.evaluate((select) => {
    select.append(new Option('gone', 'gone'));
    select.value = 'gone';
  });
  await save(page);
  await dialog(page).getByText('This model can\'t be chosen. The operator allows: fake-large, fake-small.').waitFor();
  assert.equal(await focused(page), 'settings-model');

  // What saving would do is said before.
  await models.selectOption('fake-small');
  await budget.fill('1');
  await dialog(page).getByText('visitors get no answers until').waitFor();
  await budget.fill('1 000 000');
  assert.equal(await dialog(page).locator('#settings-tokenBudget-note').innerText(), '');
  await days.fill('30');
  await dialog(page).getByText('Saving deletes conversations that are older than 30 days, for good.').waitFor();
  await name.fill('Zephyr shop');
  const [request] = await Promise.all([page.waitForRequest((r) => r.method() === 'PATCH'), dialog(page).getByRole('button', { name: 'Save and delete' }).click()]);
  assert.deepEqual(request.postDataJSON(), { name: 'Zephyr shop', model: 'fake-small', tokenBudget: 1_000_000, retentionDays: 30 });
  await dialog(page).waitFor({ state: 'hidden' });
  await section(page).getByRole('status').getByText('Settings saved.').waitFor();
  assert.equal(await focused(page), 'settings-edit', 'the focus returns');
  assert.equal(await page.title(), 'Zephyr shop – ChatConnect');

  const shown = async () => {
    for (const text of ['Zephyr shop', 'fake-small', 'Kept for 30 days']) await section(page).getByText(text, { exact: true }).waitFor();
    await section(page).getByText(/^[1-9][\d,]* of 1,000,000 used this month$/).waitFor();
    assert.equal(await page.getByLabel('Website', { exact: true }).locator('option:checked').innerText(), 'Zephyr shop');
  };
  await shown();
  await accessible(page, 'saved');
  await page.reload();
  await live(page);
  await shown();
  await change(page);
  assert.deepEqual(await Promise.all([name, models, budget, days].map((field) => field.inputValue())), ['Zephyr shop', 'fake-small', '1,000,000', '30']);

  // The model answers from now on.
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await ask(page, `${QUESTION} Tell me.`);
  await answered(page);
  const asked = await llm.requests();
  assert.ok(JSON.stringify(asked).includes('fake-small'), JSON.stringify(asked).slice(0, 2000));

  // Empty fields take the limits away again.
  await change(page);
  await models.selectOption({ label: 'The free tier’s model' });
  await budget.fill('');
  await days.fill('');
  await save(page);
  await section(page).getByText('Kept until they are deleted').waitFor();
  await section(page).getByText('The free tier’s model').waitFor();
  await section(page).getByText(/of 5,000,000 used this month \(the operator’s limit\)$/).waitFor();
  check();
});

test('changes are not lost by accident, and everything can be done with the keyboard', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Unsaved');
  await page.locator('#settings-edit').focus();
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' }); // nothing was typed
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Tab'); // model
  assert.equal(await focused(page), 'settings-model');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  await page.keyboard.type('5,000');
  await page.keyboard.press('Tab');
  await page.keyboard.type('7');
  await page.keyboard.press('Escape');
  await dialog(page).getByText('Your changes are not saved.').waitFor();
  await accessible(page, 'unsaved');
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'settings-edit');
  await section(page).getByText('Kept until they are deleted').waitFor();

  // Leaving the page asks.
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await dialog(page).getByLabel('Days that conversations are kept').pressSequentially('7');
  const question = page.waitForEvent('dialog');
  await page.evaluate(() => { setTimeout(() => location.reload()); });
  const asked = await question;
  assert.equal(asked.type(), 'beforeunload');
  await asked.dismiss();
  assert.equal(await dialog(page).getByLabel('Days that conversations are kept').inputValue(), '7', 'the page has stayed');
  await page.keyboard.press('Enter');
  await section(page).getByText('Kept for 7 days').waitFor();
  await section(page).getByText('Settings saved.').waitFor();
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Enter'); // the name has the focus; nothing was changed
  await section(page).getByText('Nothing was changed.').waitFor();

  // The widget's form holds to the same.
  await page.getByRole('button', { name: 'Appearance' }).click();
  const widget = page.getByRole('dialog', { name: 'How the widget looks' });
  await widget.getByLabel('Title', { exact: true }).fill('Ask us');
  await accessible(page, 'widget form');
  await page.keyboard.press('Escape');
  await widget.getByText('Your changes are not saved.').waitFor();
  await widget.getByRole('button', { name: 'Save' }).click();
  await widget.waitFor({ state: 'hidden' });
  check();
});

test('a viewer sees the settings and cannot change them', async () => {
  const { page, check } = await open();
  // The role is the server's to give; here it says so of a member who has another.
  let role = 'viewer';
  await page.route('**/api/dashboard/clients', async (route) => {
    if (route.request().method() !== 'GET') return route.fallback();
    const response = await route.fetch();
    const answer = await response.json();
    return route.fulfill({ response, json: { ...answer, clients: answer.clients.map((client) => ({ ...client, role, retentionDays: 30, model: 'fake-small' })) } });
  });
  await register(page);
  await createClient(page, 'Read only');
  await page.reload();
  await live(page);
  await section(page).getByText('fake-small').waitFor();
  await section(page).getByText('Kept for 30 days').waitFor();
  await section(page).getByText('Only owners and admins of this website can change its settings.').waitFor();
  assert.equal(await section(page).getByRole('button').count(), 0);
  await accessible(page, 'read only');
  role = 'admin';
  await page.reload();
  await live(page);
  await section(page).getByRole('button', { name: 'Change settings' }).waitFor();
  check();
});

for (const [view, options] of Object.entries({
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'phone-light': { colorScheme: 'light', viewport: PHONE, hasTouch: true, isMobile: true },
  'phone-dark': { colorScheme: 'dark', viewport: PHONE },
})) {
  test(`axe finds nothing in the settings: ${view}`, async () => {
    const { page, check } = await open(options);
    const look = async (state) => {
      await accessible(page, state);
      if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/settings-${view}-${state}.png` });
    };
    await register(page);
    await createClient(page, 'A website with quite a long name, so that lines have to be broken');
    await section(page).scrollIntoViewIfNeeded();
    await section(page).getByText('0 of 5,000,000 used this month (the operator’s limit)').waitFor();
    await look('1-fresh');
    await change(page);
    await look('2-form');
    await dialog(page).getByLabel('Tokens a month').fill('many');
    await dialog(page).getByLabel('Days that conversations are kept').fill('30');
    await save(page);
    await dialog(page).getByText('Enter a whole number such as').waitFor();
    await look('3-refused');
    await dialog(page).getByLabel('Tokens a month').fill('2,000,000');
    await page.keyboard.press('Escape');
    await dialog(page).getByText('Your changes are not saved.').waitFor();
    await look('4-unsaved');
    await page.route('**/api/dashboard/clients/*', (route) => (route.request().method() === 'PATCH' ? route.abort() : route.fallback()));
    await save(page);
    await dialog(page).getByText('The server can’t be reached.').waitFor();
    await look('5-unreachable');
    await page.unroute('**/api/dashboard/clients/*');
    await save(page);
    await section(page).getByText('Settings saved.').waitFor();
    await section(page).getByText('0 of 2,000,000 used this month').waitFor();
    await section(page).scrollIntoViewIfNeeded();
    await look('6-saved');
    check();
  });
}
