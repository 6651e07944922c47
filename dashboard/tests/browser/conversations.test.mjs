// What was asked can be found, read and exported, with the keyboard too.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { accessible, answered, ask, createClient, logged, manual, open, QUESTION, ready, register, upload } from './browser.mjs';

test('conversations are listed, searched, opened and exported', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Conversations');
  const section = page.locator('#visitors');
  await section.getByText('Nothing was asked in the last 30 days.').waitFor();
  await section.getByText('No conversations to show.').waitFor();
  await upload(page, manual());
  await ready(page, 'zephyr-9-manual.txt');
  await ask(page, QUESTION);
  const answer = await (await answered(page)).locator('.answer-body').innerText();
  await logged(page, 1);

  const search = async (words) => {
    await section.getByLabel('Search conversations').fill(words);
    await section.getByRole('button', { name: 'Search' }).click();
  };
  await search('ZEPHYR');
  const found = section.locator('#visitors-list > li');
  await found.waitFor();
  await accessible(page, 'conversations listed');
  await found.locator('summary').first().focus();
  await page.keyboard.press('Enter');
  await found.locator('.said-answer').waitFor();
  const words = (text) => text.replace(/\[?\d+\]?/g, '').replace(/\s+/g, ' ').trim();
  assert.equal(words(await found.locator('.said-answer').innerText()), words(answer));
  await accessible(page, 'a conversation opened');

  await section.getByLabel('Show').selectOption('Stopped');
  await section.getByText('No conversations to show.').waitFor();
  await section.getByLabel('Show').selectOption('All');
  await found.waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), section.getByRole('link', { name: 'Export' }).click()]);
  assert.match(download.suggestedFilename(), /^conversations-\d{4}-\d\d-\d\d\.csv$/);
  const csv = await readFile(await download.path(), 'utf8');
  assert.ok(csv.includes(QUESTION), csv);
  check();
});
