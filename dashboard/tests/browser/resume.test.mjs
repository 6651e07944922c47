// Connections break. Nothing the person sees may be lost or doubled.

import assert from 'node:assert/strict';
import test from 'node:test';
import { answered, ask, createClient, live, manual, open, QUESTION, ready, register, textFile, upload } from './browser.mjs';

test('the feed reconnects, says so, and catches up', async () => {
  const { page, check } = await open();
  const sockets = [];
  let refuse = false;
  await page.routeWebSocket(/\/api\/dashboard\/events/, (socket) => {
    if (refuse) {
      socket.close({ code: 1012 });
      return;
    }
    sockets.push(socket);
    socket.connectToServer();
  });
  await register(page);
  await createClient(page, 'Feed');
  refuse = true;
  for (const socket of sockets) await socket.close({ code: 1012 });
  await page.locator('#live[data-state=reconnecting]').waitFor();
  assert.equal(await page.locator('#live').innerText(), 'Reconnecting');
  await upload(page, textFile('meanwhile.txt', 'Uploaded while the feed was away.'));
  await ready(page, 'meanwhile.txt'); // read from the list instead
  refuse = false;
  await live(page);
  await upload(page, textFile('after.txt', 'Uploaded after the feed had come back.'));
  await ready(page, 'after.txt');
  check();
});

test('a change that the feed has lost is found out', async () => {
  const { page, check } = await open();
  await page.clock.install();
  await page.routeWebSocket(/\/api\/dashboard\/events/, (socket) => {
    socket.connectToServer().onMessage((text) => {
      if (JSON.parse(text).type === 'snapshot') socket.send(text);
    });
  });
  await register(page);
  await createClient(page, 'Lost');
  await upload(page, textFile('lost.txt', 'Nobody is told what becomes of this file.'));
  let waits = true;
  const found = ready(page, 'lost.txt').finally(() => { waits = false; });
  while (waits) {
    await page.clock.fastForward(20_000);
    await page.waitForTimeout(100);
  }
  await found;
  check();
});

test('an answer survives a lost connection and a reload', async () => {
  const { page, check } = await open();
  await register(page);
  await createClient(page, 'Resume');
  await upload(page, manual());
  await ready(page, 'zephyr-9-manual.txt');
  await ask(page, QUESTION);
  const whole = await (await answered(page)).locator('.answer-body').innerText();
  await page.getByRole('button', { name: 'New chat' }).click();

  // The first connection is cut after its first bytes; the page re-attaches.
  const resumed = [];
  page.on('request', (request) => {
    if (request.method() === 'GET' && request.url().includes('/chat/stream')) resumed.push(request.headers()['last-event-id'] ?? '');
  });
  await page.evaluate(() => {
    const original = window.fetch;
    window.fetch = async (url, options) => {
      if (options?.method !== 'POST' || url !== '/chat/stream') return original(url, options);
      window.fetch = original;
      const response = await original(url, options);
      const reader = response.body.getReader();
      let first = true;
      const body = new ReadableStream({
        async pull(controller) {
          if (!first) {
            reader.cancel();
            controller.error(new TypeError('network error'));
            return;
          }
          first = false;
          const { value } = await reader.read();
          controller.enqueue(value.slice(0, Math.max(1, value.length - 3)));
        },
      }, { highWaterMark: 0 });
      return new Response(body, { status: response.status, headers: response.headers });
    };
  });
  await ask(page, QUESTION);
  const answer = await answered(page);
  assert.equal(await answer.locator('.answer-body').innerText(), whole);
  assert.ok(resumed.length >= 1, 'it was not resumed');

  // A page reloaded before the end re-attaches by itself.
  await page.evaluate(() => {
    for (const key of Object.keys(sessionStorage)) {
      const kept = JSON.parse(sessionStorage[key]);
      kept.messages.at(-1).state = 'open';
      kept.messages.at(-1).answer = '';
      sessionStorage[key] = JSON.stringify(kept);
    }
  });
  await page.reload();
  assert.equal(await (await answered(page)).locator('.answer-body').innerText(), whole);
  check();
});

test('an expired session leads to the login and says why', async () => {
  const { page, context, check } = await open();
  let server;
  await page.routeWebSocket(/\/api\/dashboard\/events/, (socket) => {
    server = socket.connectToServer();
  });
  await register(page);
  await createClient(page, 'Expiry');
  await context.clearCookies();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await server.close();
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await page.getByText('Your session has ended').waitFor();
  check();
});
