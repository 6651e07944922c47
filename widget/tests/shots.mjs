// Pictures of every state, to be looked at: node shots.mjs [directory]

import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from '../../dashboard/tests/browser/chromium.mjs';
import { widget } from './harness/widget.mjs';
import { hostPages, shop } from './harness/pages.mjs';
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
await Promise.all([browser.close(), pages.close()]);
console.log(directory);
