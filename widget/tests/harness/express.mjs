// A site's own server in front of the product, as many are made: Express with
// its compression.

import { request as send } from 'node:http';
import compression from 'compression';
import express from 'express';
import { serve } from './server.mjs';

/** compressing passes everything on to an origin and compresses what comes back. */
export async function compressing(target) {
  const app = express();
  const state = { streams: [] }; // Content-Encoding of each event stream
  app.use(compression());
  app.use((request, response) => {
    const out = send(new URL(request.url, target), { method: request.method, headers: { ...request.headers, host: new URL(target).host } }, (back) => {
      response.status(back.statusCode);
      for (const [name, value] of Object.entries(back.headers)) response.setHeader(name, value);
      back.pipe(response);
      if (back.headers['content-type']?.startsWith('text/event-stream')) {
        response.flushHeaders();
        state.streams.push(response.getHeader('content-encoding'));
      }
    });
    out.on('error', () => response.destroy());
    response.on('close', () => out.destroy());
    request.pipe(out);
  });
  return Object.assign(state, await serve(app));
}
