// Pictures of every state, and of the pages of harness/sites.mjs, to be looked
// at: node shots.mjs [directory]

import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from '../../dashboard/tests/browser/chromium.mjs';
import { widget } from './harness/widget.mjs';
import { hostPages, shop } from './harness/pages.mjs';
import { react, rewritten, settingsOnly, tagManager, theme, turbo, wordpress, written } from './harness/sites.mjs';
import { dressed, VIEWS, walk } from './harness/states.mjs';

const directory = process.argv[2] ?? await mkdtemp(join(tmpdir(), 'widget-shots-'));
await mkdir(directory, { recursive: true });
const only = process.env.VIEWS?.split(',');
const browser = await launch(['--host-resolver-rules=MAP *.test 127.0.0.1']);
const pages = await hostPages();
const STYLE = '<style>html { background: #fafafa; color: #222; font: 16px sans-serif } main { max-width: 46rem; margin: 2rem auto; padding: 0 1rem } @media (prefers-color-scheme: dark) { html { background: #111; color: #ddd } a { color: #9cf } }</style>';
for (const [name, view] of Object.entries(VIEWS)) {
  if (only && !only.includes(name)) continue;
  const { rtl, ...options } = view;
  const api = await dressed(view);
  const context = await browser.newContext({ viewport: { width: 1000, height: 720 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(pages.add(shop({ script: api.url, key: api.key, head: STYLE, ...(rtl && { lang: 'ar', dir: 'rtl' }) })));
  let n = 0;
  await walk(api, { page, w: widget(page), context }, view, async (state) => {
    await page.waitForTimeout(400); // what moves has arrived
    await page.screenshot({ path: join(directory, `${name}-${++n}-${state}.png`) });
  });
  await context.close();
  await api.close();
}
// What holds the launcher and the panel on pages of others.
for (const name of ['light', 'dark', 'mobile']) {
  if (only && !only.includes('sites')) break;
  const api = await dressed(VIEWS[name]);
  const us = { script: api.url, key: api.key };
  const transformed = shop({ ...us, head: `${STYLE}<style>html { transform: scale(0.9); height: 3000px }</style>` });
  const sites = {
    'tag-manager': tagManager(us), settings: settingsOnly(us), wordpress: wordpress(us, 'attributes stripped'), theme: theme(us), transformed,
    written: written(us), rewritten: rewritten(us, { again: false }), turbo: turbo(pages, us), react: await react(pages, us),
  };
  for (const [site, html] of Object.entries(sites)) {
    const context = await browser.newContext({ viewport: { width: 1000, height: 720 }, ...VIEWS[name] });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.goto(html.startsWith('http') ? html : pages.add(html));
    const w = widget(page);
    await w.launcher.waitFor();
    if (site === 'rewritten') await page.evaluate(() => window.writeAnew());
    if (site === 'transformed') await page.evaluate(() => scrollTo(0, 900));
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(directory, `site-${site}-${name}-1-launcher.png`) });
    if (!await w.panel.isVisible()) await w.open();
    await w.ask('How often must it be descaled?');
    await w.ended(1);
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(directory, `site-${site}-${name}-2-panel.png`) });
    await context.close();
  }
  await api.close();
}
await Promise.all([browser.close(), pages.close()]);
console.log(directory);
