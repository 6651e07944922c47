// One exchange as it is seen: the question, and below it the answer with its
// states.

import type { Room } from './conversation.ts';
import { h } from './dom.ts';
import { rendering } from './markdown.ts';
import { sourceList } from './sources.ts';
import type { Source } from './stream.ts';
import { Text, type Texts } from './text.ts';

const still = matchMedia('(prefers-reduced-motion:reduce)');

/** spoken text is for screen readers only. */
const spoken = (text: string) => h('span', { cc: 'spoken' }, text + ': ');

export const questionView = (texts: Texts, id: string, text: string): HTMLElement =>
  h('div', { cc: 'message', 'data-role': 'visitor', 'data-id': id }, spoken(texts(Text.you)), h('p', { dir: 'auto' }, text));

export interface AnswerView {
  readonly element: HTMLElement;
  /** text is all that has come, shown or not yet. */
  readonly text: string;
  /** spoken is what a screen reader is told of it. */
  spoken(): string;
  status(name: string, note?: Node): void;
  begin(note?: string): void;
  token(text: string): void;
  sources(list: Source[]): void;
  /** end shows the rest at once, with its citations. */
  end(): void;
}

/** answerView tells the room whenever it became longer. */
export const answerView = (texts: Texts, id: string, { grew, follow }: Pick<Room, 'grew' | 'follow'>): AnswerView => {
  const list = sourceList(texts);
  const body = rendering(list.cite);
  const note = h('p', { cc: 'restarted', hidden: true });
  const waiting = h('p', { cc: 'waiting' }, texts(Text.waiting), h('i', {}), h('i', {}), h('i', {}));
  const foot = h('div', {});
  const element = h('div', { cc: 'message', 'data-role': 'assistant', 'data-id': id }, spoken(texts(Text.answer)), note, waiting, body.element, list.element, foot);
  let backlog = '';
  let timer = 0;
  let cost = 0; // ms of drawing

  const show = (length: number) => {
    // Never half of a surrogate pair.
    if (backlog.charCodeAt(length - 1) >> 10 === 54) length++;
    if (length) body.append(backlog.slice(0, length));
    backlog = backlog.slice(length);
    waiting.hidden = !!body.text;
    grew();
  };
  // Typing: an eighth of what waits each time, so that it is never far behind,
  // and a fifth of the processor at most, layout included.
  const type = () => {
    const start = performance.now();
    timer = 0;
    show(still.matches || document.hidden ? backlog.length : Math.ceil(backlog.length / 8));
    follow();
    cost = performance.now() - start;
    if (backlog) schedule();
  };
  const schedule = () => {
    timer ||= setTimeout(type, Math.max(16, cost * 4));
  };

  const view: AnswerView = {
    element,
    get text() {
      return body.text + backlog;
    },
    spoken: () => body.element.innerText,
    status(name, node) {
      element.dataset.status = name;
      waiting.hidden = !!body.text || !/ing$/.test(name);
      foot.replaceChildren(...(node ? [node] : []));
      grew();
    },
    begin(text = '') {
      backlog = '';
      note.textContent = text;
      note.hidden = !text;
      body.clear();
      list.show([], body.element);
      show(0);
    },
    token(text) {
      backlog += text;
      schedule();
    },
    sources(sources) {
      list.show(sources, body.element);
      grew();
    },
    end() {
      clearTimeout(timer);
      timer = 0;
      show(backlog.length);
    },
  };
  return view;
};
