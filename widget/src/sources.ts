// Where an answer comes from: one line a source, its passage on demand.

import { h } from './dom.ts';
import type { Source } from './stream.ts';
import { Text, type Texts } from './text.ts';

export interface Sources {
  readonly element: HTMLElement;
  show(list: Source[]): void;
  /** cite makes the button for [n], or nothing if there is no source n. */
  cite(n: number): Node | undefined;
}

export const sourceList = (texts: Texts): Sources => {
  const element = h('div', { cc: 'sources', hidden: true });
  let lines: Record<number, HTMLDetailsElement> = {};
  return {
    element,
    show(list) {
      lines = {};
      element.replaceChildren(h('strong', {}, texts(Text.sources)));
      element.hidden = !list.length;
      for (const { index, name, page, row, snippet } of list) {
        const place = page ? ' · ' + texts(Text.page, page) : row ? ' · ' + texts(Text.row, row) : '';
        element.append((lines[index] = h('details', { cc: 'source', 'data-index': index }, h('summary', {}, `${index}. `, h('bdi', {}, name), place), h('p', { dir: 'auto' }, snippet))));
      }
    },
    cite(n) {
      const line = lines[n];
      return line && h('button', {
        cc: 'cite', type: 'button', 'aria-label': texts(Text.source, n),
        click() {
          line.open = true;
          line.firstElementChild!.scrollIntoView({ block: 'nearest' });
          (line.firstElementChild as HTMLElement).focus();
        },
      }, `[${n}]`);
    },
  };
};
