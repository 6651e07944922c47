// A visitor of a page whose widget talks to the real product, through the
// proxy that breaks things.

import { after } from 'node:test';
import { hostPages, shop } from './pages.mjs';
import { proxy } from './proxy.mjs';
import { demo, model, stack } from './stack.mjs';

/** product starts model, product, proxy and a page; all end with the tests. */
export async function product() {
  const llm = await model();
  const running = await stack({ modelOrigin: llm.origin }).catch(async (error) => {
    await llm.kill();
    throw error;
  });
  const [client, between, pages] = await Promise.all([demo(running), proxy(running.origin), hostPages()]);
  after(async () => {
    await Promise.all([between.close(), pages.close(), llm.kill()]);
    await running.stop();
  });
  const page = (extra = {}) => pages.add(shop({ script: `${between.origin}/widget.js`, key: client.key, ...extra }));
  return { llm, running, client, between, pages, page, url: page() };
}

/** MARKDOWN is an answer with everything in it that a cut could break. */
export const MARKDOWN = `Customers may return an article **within 30 days** of delivery [1]. 👩‍👩‍👧‍👦 Grüße, 中文, עברית — \`code\`.

## Steps

1. Pack it *well*, with the __invoice__
2. Send it
   - from [here](https://example.com/a_b?c=d&e=f)
   - or from https://example.com/there.
3. Wait

| article | days | price |
|:--|--:|:-:|
| usual | 30 | 1.00 € |
| sale | 14 | 0.50 € |

\`\`\`js
// not **bold**, not [1]
const days = { usual: 30, sale: 14 };
\`\`\`

> Refunds are paid within five working days 🙂🙂🙂.

- ~~old~~ new
- e\u0301 is é

That is all [1].`;
