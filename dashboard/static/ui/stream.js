// One answer from the chat API, over as many connections as it takes. The
// message id makes every step repeatable: posting it again attaches to the
// same answer, and a re-attached stream continues after the last event seen.

import { EventStreamParser } from './sse.js';
import { ApiError, problemOf } from './http.js';

const SILENCE = 45_000; // three heartbeats of 15 s
const GIVE_UP = 180_000; // without any new event

/**
 * streamAnswer calls the handlers until the answer has ended, and returns
 * 'done' or 'error'. session is {id, token}. Handlers: token(text), sources(list), restart(attempt),
 * done(result), error({code, message}), connection('open' | 'lost').
 * It throws an ApiError if the question is refused or the server stays away.
 */
export async function streamAnswer({ key, session, messageId, message, posted = false, signal, on, fetch = globalThis.fetch, wait = sleep, now = () => performance.now() }) {
  let lastId = '';
  let failures = 0;
  let progressAt = now();
  let postedAgain = false;

  for (;;) {
    try {
      const connection = abortable(signal);
      const response = await open(connection.signal);
      on.connection('open');
      posted = true;
      const end = await read(response, connection);
      if (end === 'done' || end === 'error') return end;
      if (end === 'reconnect') failures = 0;
    } catch (error) {
      if (signal?.aborted) throw error;
      if (error instanceof ApiError && error.status === 404 && posted && !postedAgain) {
        // The record of the answer is gone, or never began: ask again under
        // the same id.
        posted = false;
        postedAgain = true;
        lastId = '';
        continue;
      }
      if (error instanceof ApiError && error.code === 'last_event_id_invalid' && lastId) {
        // The server lost what was read: read it again from the beginning.
        lastId = '';
        on.restart(0);
        continue;
      }
      if (error instanceof ApiError && !error.passing) throw error;
      if (error instanceof ApiError && error.status === 429 && !posted) throw error;
      if (now() - progressAt > GIVE_UP) {
        throw error instanceof ApiError ? error : new ApiError('The connection was lost and could not be restored. Your answer is kept; reload the page to see it.');
      }
      const seconds = error instanceof ApiError ? error.retryAfter : 0;
      on.connection('lost');
      await wait(Math.max(seconds * 1000, backoff(failures++)), signal);
      continue;
    }
    on.connection('lost');
    await wait(backoff(failures++), signal);
  }

  async function open(signal) {
    const headers = { 'x-api-key': key, 'x-session-token': session.token, Accept: 'text/event-stream' };
    let response;
    if (posted) {
      if (lastId) headers['Last-Event-ID'] = lastId;
      const query = new URLSearchParams({ messageId, sessionId: session.id });
      response = await fetch(`/chat/stream?${query}`, { headers, signal, cache: 'no-store', credentials: 'omit' });
    } else {
      headers['Content-Type'] = 'application/json';
      response = await fetch('/chat/stream', {
        method: 'POST', headers, signal, cache: 'no-store', credentials: 'omit',
        body: JSON.stringify({ message, sessionId: session.id, messageId }),
      });
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  /** read returns how the connection ended: done, error, reconnect or cut. */
  async function read(response, connection) {
    let end = '';
    const parser = new EventStreamParser((event) => {
      if (end) return;
      if (event.type === 'reconnect') {
        end = 'reconnect';
        return;
      }
      if (event.id && lastId && Number(event.id) <= Number(lastId)) return; // seen before
      const data = JSON.parse(event.data);
      if (event.id) lastId = event.id;
      progressAt = now();
      failures = 0;
      switch (event.type) {
        case 'token': on.token(data.text); break;
        case 'sources': on.sources(data); break;
        case 'restart': on.restart(data.attempt); break;
        case 'done': end = 'done'; on.done(data); break;
        case 'error': end = 'error'; on.error(data); break;
      }
    });
    const reader = response.body.getReader();
    try {
      while (!end) {
        const silence = setTimeout(() => connection.abort(), SILENCE);
        const { done, value } = await reader.read().finally(() => clearTimeout(silence));
        if (done) break;
        parser.push(value);
      }
    } finally {
      connection.abort();
    }
    return end || 'cut';
  }
}

function backoff(failures) {
  return Math.min(8000, 250 * 2 ** failures) * (0.75 + Math.random() / 2);
}

function abortable(signal) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    abort() {
      signal?.removeEventListener('abort', abort);
      controller.abort();
    },
  };
}

function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
