// What the servers of the tests share.

import { createServer } from 'node:http';

/** serve listens on a free port of the loopback interface. */
export async function serve(handler, port = 0) {
  const server = createServer((request, response) => {
    Promise.resolve(handler(request, response)).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return {
    server,
    origin: `http://127.0.0.1:${server.address().port}`,
    port: server.address().port,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

export async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * freePort returns one that nothing listens on. It is below those that the
 * system gives to whoever asks for any, each outgoing connection among them:
 * nobody gets it by chance before the program it is for has started, or while
 * that is being started again.
 */
export async function freePort() {
  for (;;) {
    try {
      const { port, close } = await serve(() => {}, 10_000 + Math.floor(Math.random() * 6000));
      await close();
      return port;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
    }
  }
}
