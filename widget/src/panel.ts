// The panel: title bar, log, composer. It is built when it is first opened.

import { button, CLOSE, h } from './dom.ts';
import { composer } from './composer.ts';
import type { Settings } from './config.ts';
import { conversation, type Conversation } from './conversation.ts';
import type { Events } from './events.ts';
import type { Call } from './http.ts';
import { usePatterns } from './markdown.ts';
import type { Session } from './session.ts';
import { Text, type Texts } from './text.ts';

const NEAR_END = 40; // px

export interface Panel {
  readonly element: HTMLElement;
  /** ask waits for its turn. */
  ask(text: string): void;
  focus(): void;
  /** dress takes over what has changed in the settings. */
  dress(): void;
  reset(): void;
  leave(): void;
}

export interface Surroundings {
  settings: Settings;
  inline: boolean;
  texts: Texts;
  locale: string;
  call: Call;
  session: Session;
  events: Events;
  metadata(): { [name: string]: string } | undefined;
  close(): void;
  answered(): void;
}

export const createPanel = (around: Surroundings): Panel => {
  const { settings, inline, texts, session, events } = around;
  usePatterns(texts);
  let talk: Conversation;
  let restored: Promise<unknown>;
  let pinned = true; // the reader sees the newest
  let top = 0; // where the log was scrolled to
  let frame = 0;
  let lost = false; // the connection of an answer

  const status = h('p', { cc: 'status', role: 'status' });
  const notice = h('p', { cc: 'notice', hidden: true });
  const log = h('div', { cc: 'log', tabindex: 0, role: 'log', 'aria-live': 'off', 'aria-label': texts(Text.log), scroll: () => {
    // Only going up leaves the end: it may have moved away by itself since.
    pinned = (pinned && log.scrollTop >= top) || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    top = log.scrollTop;
    jump.hidden = pinned;
  } });
  const network = () => {
    const state = !navigator.onLine ? 'offline' : lost ? 'reconnecting' : '';
    notice.hidden = !state;
    notice.dataset.state = state;
    notice.textContent = state && texts(state === 'offline' ? Text.offline : Text.reconnecting);
    grew(); // the log has become smaller
  };
  const life = new AbortController();
  for (const name of ['online', 'offline']) addEventListener(name, network, life);
  const toEnd = () => {
    pinned = true;
    grew();
  };
  const jump = button('jump', texts(Text.iconEnd), texts(Text.newest), () => {
    toEnd();
    log.focus();
  });
  const follow = () => {
    frame = 0;
    if (pinned) log.scrollTop = log.scrollHeight;
    jump.hidden = pinned;
  };
  // Once a frame, whatever happens within it: each time costs a layout.
  const grew = () => {
    frame ||= requestAnimationFrame(follow);
  };

  const ask = (text: string) => {
    for (const suggestion of log.querySelectorAll('[data-cc=suggestion]')) suggestion.remove();
    toEnd();
    restored.then(() => talk.ask(text));
  };
  const write = composer(texts, settings.placeholder, ask, () => talk.stop());

  const greeting = h('p', { cc: 'greeting', dir: 'auto' });
  /** begin fills the log: the greeting, and what this session has said. */
  const begin = () => {
    talk?.leave();
    log.replaceChildren();
    greeting.textContent = settings.greeting;
    if (settings.greeting) log.append(greeting);
    for (const question of session.memory.id ? [] : settings.suggestedQuestions) {
      log.append(h('button', { cc: 'suggestion', dir: 'auto', click() {
        write.input.focus();
        ask(question);
      } }, question));
    }
    let said = 0;
    talk = conversation(around.call, session, {
      texts, grew, follow,
      add(...elements) {
        log.append(...elements);
        grew();
      },
      say(text) {
        // Alone in its turn, and emptied before, so that it is heard again too.
        clearTimeout(said);
        status.textContent = '';
        if (text) said = setTimeout(() => (status.textContent = typeof text === 'string' ? text : text()), 100);
      },
      connection(state) {
        lost = !!state;
        network();
      },
      busy: write.busy,
      answered: around.answered,
    }, events, around.metadata);
    restored = talk.restore();
  };

  const title = h('h2', { cc: 'title', id: 'title', tabindex: -1, dir: 'auto' }, settings.title);
  const bar = h('div', { cc: 'bar' }, title, button('new-chat', texts(Text.iconNew), texts(Text.newChat), () => {
    panel.reset();
    write.input.focus();
  }));
  // An address that can't be loaded leaves no gap.
  if (/^https:/.test(settings.avatarUrl)) bar.prepend(h('img', { cc: 'avatar', src: settings.avatarUrl, alt: '', width: 32, height: 32, referrerpolicy: 'no-referrer', error: (event: Event) => (event.target as Element).remove() }));
  if (!inline) bar.append(button('close', CLOSE, texts(Text.close), around.close));

  const element = h(inline ? 'section' : 'dialog', {
    cc: 'panel', role: inline ? 'region' : 'dialog', 'aria-labelledby': 'title', lang: around.locale, dir: around.locale === 'ar' ? 'rtl' : 'ltr',
    keydown(event: KeyboardEvent) {
      if (event.key === 'Escape' && !event.isComposing && !inline) {
        event.preventDefault();
        around.close();
      }
    },
    cancel(event: Event) {
      event.preventDefault();
      around.close();
    },
  }, bar, log, jump, notice, write.element, status);
  const panel: Panel = {
    element, ask,
    focus() {
      // On a touch screen a focused input would cover half of it with a keyboard.
      (matchMedia('(pointer:coarse)').matches ? title : write.input).focus();
      grew();
    },
    dress() {
      title.textContent = settings.title;
      greeting.textContent = settings.greeting;
      write.input.placeholder = settings.placeholder || texts(Text.input);
    },
    reset() {
      session.forget();
      write.busy(false);
      begin();
      events.emit('reset');
    },
    leave() {
      talk.leave();
      life.abort();
    },
  };
  network();
  begin();
  return panel;
};
