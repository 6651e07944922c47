// The whole way of a new tenant: account, website, documents, answer.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answered, ask, createClient, FACT, live, manual, open, QUESTION, ready, register, row, textFile, upload } from './browser.mjs';

test('from an account to a cited answer', async () => {
  const { page, context, check } = await open();
  const person = await register(page);
  await createClient(page, 'Acme help centre');
  assert.match(page.url(), /\?client=[0-9a-f-]{36}$/);

  // Every state a document goes through is seen live, without a reload.
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => {
      for (const element of document.querySelectorAll('#document-list .row')) window.seen.push(element.dataset.status);
    }).observe(document.getElementById('document-list'), { subtree: true, childList: true, attributes: true, attributeFilter: ['data-status'] });
  });
  await upload(page, manual());
  await ready(page, 'zephyr-9-manual.txt');
  const seen = new Set(await page.evaluate(() => window.seen));
  assert.ok(seen.size >= 2, `only ${[...seen]} seen`);
  assert.match(await row(page, 'zephyr-9-manual.txt').innerText(), /TXT · .* · \d+ passages?/);

  // The answer arrives in pieces, and is announced once, when it is complete.
  await page.evaluate(() => {
    window.lengths = [];
    window.announced = [];
    new MutationObserver(() => window.lengths.push(document.querySelector('.answer-body')?.textContent.length ?? 0))
      .observe(document.getElementById('messages'), { subtree: true, childList: true, characterData: true });
    new MutationObserver(() => window.announced.push(document.getElementById('announcer').textContent))
      .observe(document.getElementById('announcer'), { childList: true, characterData: true, subtree: true });
  });
  await ask(page, QUESTION);
  const answer = await answered(page);
  assert.match(await answer.locator('.answer-body').innerText(), /41 days/);
  const growth = new Set(await page.evaluate(() => window.lengths));
  assert.ok(growth.size > 1, 'the answer came at once');
  const announced = await page.evaluate(() => window.announced);
  assert.equal(announced.filter((text) => text.startsWith('Answer: ')).length, 1, announced.join('\n'));

  // A citation leads to its source.
  const cite = answer.getByRole('link', { name: /^Source \d+: zephyr-9-manual\.txt/ }).first();
  await cite.click();
  const source = answer.locator('.source[open]');
  assert.match(await source.innerText(), /Zephyr-9/);
  assert.ok(FACT.includes('41 days'));
  assert.ok(await source.locator('summary').evaluate((element) => element === document.activeElement));

  // The key shown is the one the chat used, and it can be copied.
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const key = await page.locator('#key-value').innerText();
  assert.match(key, /^pk_live_/);
  await page.getByRole('button', { name: 'Copy key' }).click();
  await page.locator('#announcer', { hasText: 'Key copied.' }).waitFor({ state: 'attached' });
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);

  // A reload changes nothing of what is seen.
  const before = await answer.locator('.answer-body').innerText();
  await page.reload();
  await live(page);
  await ready(page, 'zephyr-9-manual.txt');
  assert.equal(await page.locator('.answer-body').last().innerText(), before);
  assert.ok(await page.getByRole('link', { name: /^Source \d+: zephyr-9-manual\.txt/ }).first().isVisible());

  // Logged out, nothing of it is left; logging in brings the documents back.
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(await page.locator('.row').count(), 0);
  await page.reload();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await page.getByLabel('Email address').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.locator('#auth-error').getByText('password').waitFor();
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await ready(page, 'zephyr-9-manual.txt');
  assert.equal(await page.locator('.answer').count(), 0);
  check();
});

test('logging out in the middle of an answer leaves nothing of it behind', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Half an answer');
  await page.route('**/chat/stream', () => {}); // it does not come
  const asked = page.waitForRequest('**/chat/stream');
  await ask(page, QUESTION);
  await asked;
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.deepEqual(await page.evaluate(() => Object.keys(sessionStorage)), []);
  check();
});

test('a refused file says why beside its name, and does not hold up the others', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Refusals');
  const forged = { name: 'forged.pdf', mimeType: 'application/pdf', buffer: Buffer.concat([Buffer.from('MZ'), Buffer.alloc(4096, 1)]) };
  const large = { name: 'large.txt', mimeType: 'text/plain', buffer: Buffer.alloc(11 << 20, 'a ') };
  await upload(page, forged, textFile('empty.txt', ''), large, manual('good.txt', 8));
  for (const name of ['forged.pdf', 'empty.txt', 'large.txt']) {
    const refused = row(page, name);
    await refused.locator('.row-error').waitFor();
    assert.ok((await refused.locator('.row-error').innerText()).length > 15);
  }
  await ready(page, 'good.txt');
  const texts = await page.locator('#uploads .row[data-status=refused] .row-error').allInnerTexts();
  assert.equal(new Set(texts).size, 3, `each has a reason of its own: ${texts}`);
  await page.getByRole('button', { name: 'Dismiss forged.pdf' }).click();
  assert.equal(await row(page, 'forged.pdf').count(), 0);
  check();
});

test('files can be dropped', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Drop');
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], 'dropped.txt', { type: 'text/plain' }));
    return transfer;
  }, FACT);
  await page.dispatchEvent('#drop', 'drop', { dataTransfer: data });
  await ready(page, 'dropped.txt');
  check();
});

test('two websites are kept apart', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'First');
  await upload(page, manual('only-in-first.txt', 4));
  await ready(page, 'only-in-first.txt');
  const key = await page.locator('#key-value').innerText();
  await page.getByRole('button', { name: 'New website' }).click();
  const dialog = page.getByRole('dialog', { name: 'New website' });
  await dialog.getByLabel('Website name').fill('Second');
  await dialog.getByRole('button', { name: 'Create website' }).click();
  await page.getByText('No documents yet').waitFor();
  assert.notEqual(await page.locator('#key-value').innerText(), key);
  await live(page);
  await upload(page, textFile('second.txt', 'The Kestrel kettle boils in 90 seconds.'));
  await ready(page, 'second.txt');
  await ask(page, QUESTION);
  const answer = await answered(page);
  assert.doesNotMatch(await answer.innerText(), /41 days|only-in-first/);
  await page.getByLabel('Website', { exact: true }).selectOption({ label: 'First' });
  await row(page, 'only-in-first.txt').waitFor();
  assert.equal(await row(page, 'second.txt').count(), 0);
  assert.equal(await page.locator('.answer').count(), 0);
  check();
});
