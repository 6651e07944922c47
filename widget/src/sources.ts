// Where an answer comes from: one line a source, its passage on demand, and a
// button wherever the text cites it.

import { h } from './dom.ts';
import type { Source } from './stream.ts';
import { Text, type Texts } from './text.ts';

export interface Sources {
  readonly element: HTMLElement;
  /** show lists them, and brings the citations in a text up to date. */
  show(list: Source[], text: Element): void;
  /** cite makes what stands for `[1, 2]`: buttons, or its text as long as there are no such sources. */
  cite(text: string): Node;
}

export const sourceList = (texts: Texts): Sources => {
  const element = h('div', { cc: 'sources', hidden: true });
  let lines: Record<string, HTMLDetailsElement> = {};

  const link = (mark: Element) => {
    const buttons: (Node | string)[] = [];
    for (const n of mark.textContent!.match(/\d+/g)!) {
      const line = lines[n];
      const go = () => {
        const summary = line!.firstElementChild as HTMLElement;
        line!.open = true;
        summary.scrollIntoView({ block: 'nearest' });
        summary.focus();
      };
      // The joiner: no new line before a full stop.
      if (line) buttons.push(h('button', { cc: 'cite', 'aria-label': texts(Text.source, n), click: go }, `[${n}]`), '\u2060');
    }
    if (buttons.length) {
      mark.removeAttribute('data-cc');
      mark.replaceChildren(...buttons);
    }
  };

  return {
    element,
    show(list, text) {
      lines = {};
      element.replaceChildren(h('strong', {}, texts(Text.sources)));
      element.hidden = !list.length;
      for (const { index, name, page, row, snippet } of list) {
        const place = page ? ' · ' + texts(Text.page, page) : row ? ' · ' + texts(Text.row, row) : '';
        element.append((lines[index] = h('details', { cc: 'source', 'data-index': index }, h('summary', {}, `${index}. `, h('bdi', {}, name), place), h('p', { dir: 'auto' }, snippet))));
      }
      text.querySelectorAll('[data-cc=cited]').forEach(link);
    },
    cite(text) {
      const mark = h('span', { cc: 'cited' }, text);
      link(mark);
      return mark;
    },
  };
};
