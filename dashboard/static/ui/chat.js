// The chat: asks through the same API as a visitor's widget would, with the
// website's publishable key.

import { announce, byId, el, icon, setText } from './dom.js';
import { AnswerView } from './answer.js';
import { Conversation } from './conversation.js';
import { SourceList } from './sources.js';
import { streamAnswer } from './stream.js';

const LONGEST = 2000; // code points, as the server counts them

class MessageView {
  #body = el('div', { class: 'answer-body' });
  #state = el('p', { class: 'answer-state' });
  #error = el('p', { class: 'row-error', hidden: true });
  #pending = '';
  #frame = 0;

  constructor(message) {
    this.message = message;
    this.sources = new SourceList(`source-${message.id}`);
    this.answer = new AnswerView(this.#body, (n) => this.sources.cite(n));
    this.retry = el('button', { class: 'secondary', type: 'button', hidden: true }, 'Ask again');
    this.article = el('div', { class: 'answer' }, this.#body, this.#state, this.#error, this.retry, this.sources.element);
    this.element = el('li', { class: 'message' },
      el('div', { class: 'question' }, el('span', { class: 'visually-hidden' }, 'You asked: '), message.question),
      el('span', { class: 'visually-hidden' }, 'Answer: '), this.article);
    if (message.sources) this.sources.show(message.sources);
    this.answer.reset(message.answer);
    this.show();
  }

  token(text) {
    this.#pending += text;
    this.message.answer += text;
    this.#frame ||= requestAnimationFrame(() => this.flush());
  }

  flush() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#pending) this.answer.append(this.#pending);
    this.#pending = '';
    this.show();
  }

  /** redraw shows the message's text anew, its citations linked. */
  redraw() {
    this.#pending = '';
    this.answer.reset(this.message.answer);
    this.show();
  }

  /** state: what to say about an answer that is still under way. */
  show(state = '') {
    const open = this.message.state === 'open';
    setText(this.#state, open ? state || (this.message.answer ? '' : 'Looking through your documents') : '');
    this.#state.hidden = !this.#state.textContent;
    this.article.classList.toggle('open', open);
    const error = this.message.state === 'error' ? this.message.error : '';
    this.#error.hidden = !error;
    this.#error.replaceChildren(...(error ? [icon('alert'), el('span', {}, error)] : []));
    this.retry.hidden = !error;
  }
}

export class ChatView {
  #client = null;
  #conversation = null;
  #running = null; // AbortController of the answers being read
  #asking = false;
  #list = byId('messages');
  #scroll = byId('chat-scroll');
  #form = byId('ask');
  #question = byId('question');
  #pinned = true;

  constructor() {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#question.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#question.addEventListener('input', () => this.#measure());
    this.#scroll.addEventListener('scroll', () => {
      this.#pinned = this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < 48;
    });
    byId('chat-new').addEventListener('click', () => {
      this.#stop();
      this.#conversation.restart();
      this.#draw();
      this.#question.focus();
    });
  }

  show(user, client) {
    this.#stop();
    this.#client = client;
    this.#conversation = client ? new Conversation(user.id, client.id) : null;
    this.#question.value = '';
    this.#measure();
    this.#draw();
    for (const view of this.#views ?? []) {
      if (view.message.state === 'open') this.#follow(view, true);
    }
  }

  #views = [];

  /** documents adapts the empty chat's hint to what can be asked about. */
  documents(ready, all, loaded) {
    setText(byId('chat-empty-text'), ready > 0 || !loaded
      ? 'Ask a question. The answer comes from your documents, with its sources.'
      : all > 0 ? 'Your documents are being prepared. You can ask as soon as one is ready.'
        : 'Add a document first. You can ask as soon as it is ready.');
  }

  #stop() {
    this.#running?.abort();
    this.#running = new AbortController();
    this.#setAsking(false);
  }

  #draw() {
    this.#list.replaceChildren();
    this.#views = (this.#conversation?.messages ?? []).map((message) => this.#append(message));
    this.#chrome();
    this.#pinned = true;
    this.#keepBottom();
  }

  #append(message) {
    const view = new MessageView(message);
    view.retry.addEventListener('click', () => {
      this.#ask(message.question);
      this.#question.focus();
    });
    this.#list.append(view.element);
    return view;
  }

  #chrome() {
    const empty = this.#list.childElementCount === 0;
    byId('chat-empty').hidden = !empty;
    byId('chat-new').hidden = empty;
  }

  #measure() {
    const length = [...this.#question.value].length;
    const over = length - LONGEST;
    setText(byId('question-hint'), over > 0 ? `${over} characters too long. A question has at most ${LONGEST}.`
      : over > -200 ? `${-over} characters left.` : 'Enter sends, Shift + Enter starts a new line.');
    byId('question-hint').classList.toggle('warn', over > 0);
    this.#question.setAttribute('aria-invalid', String(over > 0));
    return length > 0 && over <= 0;
  }

  #submit() {
    const text = this.#question.value.trim();
    if (!text || !this.#measure() || this.#asking) return;
    this.#question.value = '';
    this.#measure();
    this.#ask(text);
  }

  #ask(text) {
    if (this.#asking || !this.#client) return;
    const message = { id: newMessageId(), question: text, answer: '', sources: null, state: 'open', error: '' };
    this.#conversation.messages.push(message);
    this.#conversation.save();
    const view = this.#append(message);
    this.#views.push(view);
    this.#chrome();
    this.#pinned = true;
    this.#keepBottom();
    this.#follow(view, false);
  }

  /** follow reads an answer to its end; posted says the question was sent. */
  async #follow(view, posted) {
    const { message } = view;
    const conversation = this.#conversation;
    const { signal } = this.#running;
    if (posted) {
      message.answer = ''; // replayed from its first event
      view.redraw();
    }
    this.#setAsking(true);
    const end = (state, error = '') => {
      message.state = state;
      message.error = error;
      view.flush();
      view.redraw();
      this.#keepBottom();
      announce(state === 'done' ? `Answer: ${message.answer}` : `The question could not be answered. ${error}`);
    };
    try {
      const key = this.#client.publishableKey;
      const session = await conversation.begin(key, signal);
      await streamAnswer({
        key, session, messageId: message.id, message: message.question, posted, signal,
        on: {
          token: (text) => {
            view.token(text);
            this.#keepBottom();
          },
          sources: (sources) => {
            message.sources = sources;
            view.sources.show(sources);
            view.redraw();
          },
          restart: () => {
            message.answer = '';
            message.sources = null;
            view.sources.show([]);
            view.redraw();
          },
          done: (result) => {
            if (result.sources) {
              message.sources = result.sources;
              view.sources.show(result.sources);
            }
            end('done');
          },
          error: (error) => end('error', error.message),
          connection: (state) => {
            view.show(state === 'lost' ? 'Connection lost. Reconnecting' : '');
            this.#keepBottom();
          },
        },
      });
    } catch (error) {
      // Of an installation whose secret was changed: the next question begins anew.
      if (error.code === 'session_token_invalid') conversation.session = null;
      if (!signal.aborted) end('error', error.message);
    }
    if (signal.aborted) return; // it was left, and perhaps is to be forgotten
    conversation.save();
    this.#setAsking(false);
  }

  #setAsking(asking) {
    this.#asking = asking;
    const button = byId('send');
    if (asking) button.setAttribute('aria-disabled', 'true');
    else button.removeAttribute('aria-disabled');
  }

  #keepBottom() {
    if (!this.#pinned) return;
    requestAnimationFrame(() => {
      this.#scroll.scrollTop = this.#scroll.scrollHeight;
    });
  }
}

function newMessageId() {
  return `${Date.now().toString(36)}-${Array.from(crypto.getRandomValues(new Uint8Array(10)), (b) => b.toString(16).padStart(2, '0')).join('')}`;
}
