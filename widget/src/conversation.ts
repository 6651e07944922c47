// Asking and answering: one question at a time, each resumable, the earlier
// ones as the server has them.

import { h } from './dom.ts';
import type { Events } from './events.ts';
import { actions } from './feedback.ts';
import { lost, soon, type Call, type Failure } from './http.ts';
import { write } from './json.ts';
import { answerView, questionView, type AnswerView } from './message.ts';
import { opinions } from './opinions.ts';
import type { Session } from './session.ts';
import { follow, pause, type Question, type Source } from './stream.ts';
import { Text, type Texts } from './text.ts';

/** Room is where a conversation takes place. */
export interface Room {
  readonly texts: Texts;
  add(...elements: HTMLElement[]): void;
  /** grew: something became longer. */
  grew(): void;
  /** follow does at once what grew does with the next frame. */
  follow(): void;
  /** say tells screen readers, in a moment; a text that takes long to make is only then asked for. */
  say(text: string | (() => string)): void;
  /** connection: '' hides the notice. */
  connection(state: '' | 'offline' | 'reconnecting'): void;
  busy(on: boolean): void;
  /** answered: somebody may want to know. */
  answered(): void;
}

interface Record {
  messageId: string;
  question: string;
  answer: string;
  sources?: Source[];
  status: string;
  rating?: string;
}

export interface Conversation {
  /** restore shows what was said, and goes on with what is under way. */
  restore(): Promise<void>;
  /** ask waits for its turn. */
  ask(text: string): void;
  stop(): void;
  /** leave ends what runs, without a word. */
  leave(): void;
}

const STOP_PATIENCE = 3000;

/** randomId is 26 characters that hold more than 128 random bits; it needs no https. */
const randomId = (): string => {
  let id = '';
  for (const byte of crypto.getRandomValues(new Uint8Array(26))) id += (byte % 36).toString(36);
  return id;
};

export const conversation = (call: Call, session: Session, room: Room, events: Events, metadata: () => { [name: string]: string } | undefined): Conversation => {
  const { texts } = room;
  let running: { abort: AbortController; question: Question } | undefined;
  let turn = Promise.resolve();
  const leaving = new AbortController();
  const left = leaving.signal;

  /** send is a request about a message. */
  const send = async (path: string, values: object) =>
    call('POST', '/chat/' + path, await session.headers(call), write({ sessionId: session.memory.id, ...values }), soon());

  const deliver = opinions(session, (id, opinion) => send(id + '/feedback', opinion), left);

  const finish = (view: AnswerView, id: string, status: string, rating = 'none') => {
    const kept = session.memory.opinions?.[id];
    const row = actions(texts, () => view.text, rating, kept, (opinion, waits) => {
      if (opinion !== kept) events.emit('feedback', { messageId: id, ...opinion });
      return deliver(id, opinion, waits);
    }, room.say);
    if (status === 'stopped') row.prepend(h('p', { cc: 'stopped' }, texts(Text.stopped)));
    view.status(status, row);
  };

  /** fail returns what tells of it, which is not news if it was told before. */
  const fail = (view: AnswerView, question: Question, failure: Failure) => {
    const limited = failure.status === 429;
    const countdown = h('span', { cc: 'countdown' });
    const [before, after = ''] = texts(limited ? Text.limited : Text.failed, '\n').split('\n');
    const retry = () => {
      clearInterval(timer);
      // An answer that failed for good is asked for under a new id.
      run(view, { ...question, id: failure.status === 500 ? randomId() : question.id, posted: false });
    };
    const explain = () => room.say(text.textContent!);
    let seconds = failure.after || 10;
    const until = performance.now() + seconds * 1000;
    const tick = () => {
      seconds = Math.ceil((until - performance.now()) / 1000);
      countdown.textContent = `${Math.max(0, seconds)}`;
      if (left.aborted) clearInterval(timer);
      else if (seconds <= 0) retry();
    };
    let timer: number | undefined;
    if (limited) {
      tick();
      timer = setInterval(tick, 250);
    }
    const reason = 'error-' + question.id;
    const text = h('p', { cc: 'error', id: reason }, before!, ...(limited ? [countdown] : []), after);
    view.status('error', h('div', {}, text, h('button', {
      cc: 'retry', 'aria-describedby': reason, 'aria-disabled': limited && 'true',
      click: limited ? explain : retry,
    }, texts(Text.retry))));
    return () => {
      explain();
      events.emit('error', { messageId: question.id, code: failure.code, message: failure.message, retryAfter: failure.after });
    };
  };

  /** run answers after those before it. */
  const run = (view: AnswerView, question: Question) => {
    view.status('sending');
    turn = turn.then(() => answer(view, question));
  };

  const answer = async (view: AnswerView, question: Question): Promise<void> => {
    if (left.aborted) return;
    const abort = new AbortController();
    running = { abort, question };
    const { id } = question;
    session.keep({ pending: id, question: question.text });
    view.element.dataset.id = id;
    view.begin();
    view.status(question.posted ? 'streaming' : 'sending');
    room.busy(true);
    room.say('');
    let error: Failure | undefined;
    let sourced = false;
    try {
      const done = await follow(call, session, question, {
        begin: () => view.begin(),
        token(text) {
          view.status('streaming');
          view.token(text);
        },
        sources(list) {
          sourced = true;
          view.sources(list);
        },
        restart(attempt) {
          view.begin(texts(Text.restarted));
          events.emit('restart', { messageId: id, attempt });
        },
        connection(state) {
          room.connection(state);
          events.emit('connection', { state: state || 'online' });
        },
      }, abort.signal);
      view.end();
      if (!sourced) view.sources(done.sources ?? []);
      finish(view, id, done.status || 'answered');
      room.say(() => `${texts(Text.answer)}: ${view.spoken()}`);
      events.emit('answer', { ...done, messageId: id, sessionId: session.memory.id, text: view.text });
      room.answered();
    } catch (failure) {
      if (left.aborted) return;
      view.end();
      if (abort.signal.aborted) finish(view, id, 'stopped');
      else error = failure as Failure;
    }
    running = undefined;
    // Another page may have asked since.
    if (session.memory.pending === id) session.keep({ pending: undefined, question: undefined });
    room.connection('');
    room.busy(false);
    if (error) fail(view, question, error)();
  };

  const show = (id: string, text: string): AnswerView => {
    const view = answerView(texts, id, room);
    room.add(questionView(texts, id, text), view.element);
    return view;
  };

  return {
    async restore() {
      let { id, pending, question } = session.memory;
      let messages: Record[] = [];
      for (let tries = 3; id && tries--; ) {
        try {
          const response = await call('GET', `/chat/sessions/${id}/messages`, await session.headers(call), undefined, soon());
          ({ messages = [] } = await response.json());
          break;
        } catch (failure) {
          const { status } = failure as Failure;
          if (status === 401) session.keep({ id: '' });
          if (status && status < 500) break;
          await pause(1000 * tries, left); // not for long: questions wait for this
        }
      }
      if (left.aborted) return;
      for (const record of messages) {
        const view = show(record.messageId, record.question);
        view.sources(record.sources ?? []);
        view.token(record.answer);
        view.end();
        if (record.status === 'failed') fail(view, { id: record.messageId, text: record.question, posted: true }, { ...lost(), status: 500 });
        else finish(view, record.messageId, record.status, record.rating);
        if (record.messageId === pending) { // it came between two pages
          session.keep({ pending: (pending = undefined), question: undefined });
          room.answered();
        }
      }
      if (pending && question) run(show(pending, question), { id: pending, text: question, posted: !!id });
    },
    ask(text) {
      const id = randomId();
      const view = show(id, text);
      events.emit('message', { messageId: id, text });
      run(view, { id, text, posted: false, metadata: metadata() });
    },
    stop() {
      const current = running;
      if (!current) return;
      const give = () => current.abort.abort();
      // Also of a question that is on its way: it may have been heard.
      send(current.question.id + '/stop', {}).catch(give);
      setTimeout(give, STOP_PATIENCE);
    },
    leave() {
      leaving.abort();
      running?.abort.abort();
    },
  };
};
