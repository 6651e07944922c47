// What every browser test shares, the dashboard's and the widget's: Chromium,
// and axe with the rules that hold for us.

import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

/** PATIENCE is what a slow machine may need for one step, in ms. Nothing is measured by it. */
export const PATIENCE = 60_000;

export const launch = (args = [], options = {}) => chromium.launch({
  timeout: 3 * PATIENCE,
  ...options,
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args],
});

/** axe returns what is wrong with the page, WCAG 2.2 AA and best practices, one line each. */
export async function axe(page, narrow = (builder) => builder) {
  // Colours are measured once transitions have ended.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))));
  const builder = new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']);
  const { violations } = await narrow(builder).analyze();
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
}
