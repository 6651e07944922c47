// A visitor of a page whose widget talks to the real product, through the
// proxy that breaks things.

import { after } from 'node:test';
import { hostPages, shop } from './pages.mjs';
import { proxy } from './proxy.mjs';
import { demo, model, stack } from './stack.mjs';
import { until } from './until.mjs';

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
  /** logged waits until the log has so many answers of a page's conversation, which are written there once they have been read. */
  const logged = (visitors, count) => until(`${count} answers in the log`, async () => {
    const { id, token } = await visitors.evaluate((key) => JSON.parse(localStorage[`chatconnect:${key}`]), client.key);
    const answer = await fetch(`${running.origin}/chat/sessions/${id}/messages`, { headers: { 'x-api-key': client.key, 'x-session-token': token } });
    return answer.ok && (await answer.json()).messages.length >= count;
  }, { every: 1000 }); // a visitor may not ask much more often
  return { llm, running, client, between, pages, page, logged, url: page() };
}

/** paused are the knobs of a model that falls silent after so many tokens of its next answer, until it is set again. */
export const paused = (afterTokens) => ({ faults: [{ kind: 'pause', endpoint: 'chat', afterTokens, count: 1 }] });

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
