// Waiting for what tells nobody that it has happened.

import { PATIENCE } from '../../../dashboard/tests/browser/chromium.mjs';

/** until asks again and again, and returns the first answer that is not false. */
export async function until(what, happened, { limit = PATIENCE, every = 20 } = {}) {
  for (const end = Date.now() + limit; ;) {
    const found = await happened();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
