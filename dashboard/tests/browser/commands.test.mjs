// What can be done with a document: delete after a question, stop, try again.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PATIENCE } from './chromium.mjs';
import { accessible, createClient, FACT, feedOf, open, ready, register, row, textFile, upload } from './browser.mjs';

async function website() {
  const opened = await open({ reducedMotion: 'reduce' });
  const feed = await feedOf(opened.page);
  await opened.page.goto('/');
  await opened.page.getByRole('button', { name: 'Create an account' }).click();
  await register(opened.page);
  await createClient(opened.page, 'Commands');
  return { ...opened, feed };
}

test('a document is deleted after a question, by keyboard', async () => {
  const { page, check } = await website();
  await upload(page, textFile('old.txt', FACT));
  await ready(page, 'old.txt');
  const button = row(page, 'old.txt').getByRole('button', { name: 'Delete old.txt' });
  await button.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete this document?' });
  await dialog.getByText('old.txt').waitFor();
  await accessible(page, 'delete?');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.ok(await button.evaluate((element) => element === document.activeElement), 'the focus returns');
  assert.equal(await row(page, 'old.txt').getAttribute('data-status'), 'ready', 'Escape deletes nothing');
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Delete' }).press('Enter');
  await row(page, 'old.txt').waitFor({ state: 'detached', timeout: 3 * PATIENCE });
  await page.getByText('No documents yet').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement !== document.body), 'the focus is not lost');
  check();
});

test('the buttons follow the state, and a file that is there is not uploaded twice', async () => {
  const { page, check, feed } = await website();
  feed.tell({ name: 'running.txt', type: 'txt', status: 'embedding', progress: 40 });
  await row(page, 'running.txt').getByRole('button', { name: 'Stop processing running.txt' }).waitFor();
  feed.tell({ name: 'failed.txt', type: 'txt', status: 'failed', error: { code: 'document_no_text', message: 'There is no text.' } });
  await row(page, 'failed.txt').getByRole('button', { name: 'Try failed.txt again' }).waitFor();
  feed.tell({ name: 'going.txt', type: 'txt', status: 'deleting' });
  await row(page, 'going.txt').waitFor();
  assert.equal(await row(page, 'going.txt').getByRole('button').count(), 0);
  await accessible(page, 'commands');

  await upload(page, textFile('first.txt', FACT));
  await ready(page, 'first.txt');
  await upload(page, textFile('second.txt', FACT));
  await row(page, 'second.txt').getByText('The same file is there already: first.txt.').waitFor();
  await row(page, 'second.txt').getByRole('button', { name: 'Dismiss second.txt' }).click();
  assert.equal(await page.locator('.row-name', { hasText: 'second.txt' }).count(), 0);
  check();
});

test('the last document has gone while nobody listened: it is taken from the list', async () => {
  const { page, check, feed } = await website();
  feed.tell({ name: 'gone.txt', type: 'txt', status: 'ready' });
  await row(page, 'gone.txt').waitFor();
  feed.forget();
  await row(page, 'gone.txt').waitFor({ state: 'detached' });
  await page.getByText('No documents yet').waitFor();
  check();
});
