// One answer, over as many connections as it takes. The message id makes every
// step repeatable: posting it again attaches to the same answer, and a
// re-attached stream goes on after the last event seen.

import { lost, type Call, type Failure } from './http.ts';
import { read, write } from './json.ts';
import type { Session } from './session.ts';
import { eventStream } from './sse.ts';

const SILENCE = 45_000; // three heartbeats
const GIVE_UP = 24; // failures in a row while online: about three minutes

export interface Source {
  index: number;
  name: string;
  page?: number;
  row?: number;
  snippet: string;
}

export interface Done {
  status: string;
  sources?: Source[];
  cached?: boolean;
}

export interface Question {
  id: string;
  text: string;
  posted: boolean; // the server has it
  metadata?: Record<string, string>;
}

export interface Reader {
  /** begin: what came so far is void, all of it comes again. */
  begin(): void;
  token(text: string): void;
  sources(list: Source[]): void;
  restart(attempt: number): void;
  /** connection: '' is connected. */
  connection(state: '' | 'offline' | 'reconnecting'): void;
}

/** follow returns the answer's end; it throws a Failure, or undefined when the signal is aborted. */
export const follow = async (call: Call, session: Session, question: Question, on: Reader, signal: AbortSignal): Promise<Done> => {
  let last = '';
  let failures = 0;
  let again = 2; // repetitions of the question the server may ask for
  let end: Done | Failure | undefined;

  const attempt = async (connection: AbortController): Promise<boolean> => {
    const headers = await session.headers(call);
    const { id } = session.memory;
    const response = question.posted
      ? await call('GET', `/chat/stream?messageId=${question.id}&sessionId=${id}`, last ? { ...headers, 'last-event-id': last } : headers, undefined, connection.signal)
      : await call('POST', '/chat/stream', headers, write({ message: question.text, sessionId: id, messageId: question.id, metadata: question.metadata }), connection.signal);
    question.posted = true;
    on.connection('');
    if (response.status === 204) {
      end = { status: 'answered' };
      return true;
    }
    let over = false; // of this connection
    const push = eventStream((type, data, id) => {
      if (type === 'reconnect') over = true;
      if (over || end || (id && last && +id <= +last)) return;
      const value = read(data);
      last = id || last;
      failures = 0;
      if (type === 'token') on.token(value.text);
      if (type === 'sources') on.sources(value);
      if (type === 'restart') on.restart(value.attempt);
      if (type === 'done') end = value;
      if (type === 'error') end = { status: 500, code: value.code, message: value.message, after: 0 };
    });
    const reader = response.body!.getReader();
    for (let timer; !over && !end; ) {
      timer = setTimeout(() => connection.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) break;
      push(value);
    }
    return over;
  };

  for (;;) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    signal.addEventListener('abort', stop, connection); // until it ends
    addEventListener('pagehide', stop, connection); // a page with an open request can't be kept for going back
    let wait = 0;
    let atOnce = false;
    try {
      atOnce = await attempt(connection);
    } catch (error) {
      const failure = error as Failure;
      const { status, code, after } = failure;
      wait = after * 1000 || 0;
      if (code === 'session_token_invalid' && again-- > 0) {
        // Another secret, or storage that was tampered with: a new session.
        session.keep({ id: '' });
        question.posted = false;
      } else if ((status === 404 || code === 'last_event_id_invalid') && question.posted && again-- > 0) question.posted = false; // from its beginning
      else if (status && status < 500 && (status !== 429 || !question.posted)) throw failure;
      if (!question.posted && last) {
        last = '';
        on.begin();
      }
    } finally {
      stop();
    }
    if (signal.aborted) throw undefined;
    if (end) {
      if ('code' in end) throw end;
      return end;
    }
    if (failures > GIVE_UP && navigator.onLine) throw lost();
    if (!atOnce || failures++) {
      on.connection(navigator.onLine ? 'reconnecting' : 'offline');
      await pause(Math.max(wait, Math.min(8000, 250 * 2 ** failures++) * (0.75 + Math.random() / 2)), signal);
    }
  }
};

/** pause waits, but not longer than until the network or the page is back. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, ms);
    for (const name of ['online', 'pageshow', 'visibilitychange', 'abort']) {
      for (const target of [window, document, signal]) target.addEventListener(name, end, over);
    }
  });
