// The list of sources below an answer, and the [n] links that lead to it.

import { el } from './dom.js';

/** where says which part of the document a source is: "page 3", "row 12". */
export function where(source) {
  if (source.page) return `page ${source.page}`;
  if (source.row) return `row ${source.row}`;
  return '';
}

export class SourceList {
  #list = el('ol', { class: 'source-list' });
  #items = new Map();
  #prefix;

  constructor(prefix) {
    this.#prefix = prefix;
    this.element = el('div', { class: 'sources', hidden: true }, el('p', { class: 'sources-title' }, 'Sources'), this.#list);
  }

  /** show replaces the list; sources without a number get their position. */
  show(sources) {
    this.#items.clear();
    this.#list.replaceChildren();
    sources.forEach((source, i) => {
      const index = source.index || i + 1;
      const place = where(source);
      const summary = el('summary', { id: `${this.#prefix}-${index}` },
        el('span', { class: 'source-number' }, String(index)),
        el('span', { class: 'source-name' }, source.name),
        ...(place ? [el('span', { class: 'source-place' }, place)] : []));
      const details = el('details', { class: 'source' }, summary, el('blockquote', {}, source.snippet));
      this.#items.set(index, { source, details, summary });
      this.#list.append(el('li', {}, details));
    });
    this.element.hidden = sources.length === 0;
  }

  /** cite builds the link for [n], or null if no such source is listed. */
  cite(n) {
    const item = this.#items.get(n);
    if (!item) return null;
    const place = where(item.source);
    const link = el('a', {
      class: 'cite', href: `#${item.summary.id}`, textContent: String(n),
      'aria-label': `Source ${n}: ${item.source.name}${place ? `, ${place}` : ''}`,
      title: `${item.source.name}${place ? `, ${place}` : ''}`,
    });
    link.addEventListener('click', (event) => {
      event.preventDefault();
      const target = this.#items.get(n);
      if (!target) return;
      target.details.open = true;
      target.summary.focus();
    });
    return link;
  }
}
