// A proxy between the browser and the product that breaks answers: it counts
// the bytes of event streams and resets the connection where it is told to.

import { Agent, request as send } from 'node:http';
import { serve } from './server.mjs';

/**
 * proxy forwards to target, which may change. Before each event stream it asks
 * cut(request), which returns after how many bytes of the body the connection
 * is reset, or Infinity. While down is true every connection is reset at once.
 */
export async function proxy(target) {
  const agent = new Agent({ keepAlive: false });
  const state = {
    target,
    down: false,
    cut: () => Infinity,
    cuts: 0,
    streamed: 0, // bytes of event streams that went through
    requests: [],
  };
  const http = await serve((request, response) => {
    const { origin, host } = new URL(state.target);
    state.requests.push({ method: request.method, path: request.url, headers: request.headers });
    if (state.down) return request.socket.resetAndDestroy();
    const out = send(new URL(request.url, origin), { method: request.method, agent, headers: { ...request.headers, host, connection: 'close' } }, (back) => {
      response.writeHead(back.statusCode, back.headers);
      back.on('error', () => broken || request.socket.resetAndDestroy());
      if (!back.headers['content-type']?.startsWith('text/event-stream')) return void back.pipe(response);
      response.flushHeaders();
      let left = state.cut(request);
      let broken = false;
      back.on('data', (chunk) => {
        if (broken) return;
        if (left > chunk.length) {
          left -= chunk.length;
          state.streamed += chunk.length;
          response.write(chunk);
          return;
        }
        // The bytes before the cut must arrive, or it would always be the same
        // place: a reset overtakes what is in the buffers.
        const last = chunk.subarray(0, left);
        broken = true;
        state.cuts++;
        state.streamed += last.length;
        back.destroy();
        response.write(last, () => setTimeout(() => request.socket.resetAndDestroy(), 5));
      });
      back.on('end', () => broken || response.end());
    });
    out.on('error', () => request.socket.resetAndDestroy());
    response.on('close', () => out.destroy()); // the product learns that its reader has gone
    request.pipe(out);
  });
  return Object.assign(state, http);
}
