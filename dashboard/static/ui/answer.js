// Shows an answer while it grows. Blocks that are complete are appended once
// and left alone; only the last, growing block is rendered again.

import { el } from './dom.js';

/** blockEnd returns where the complete blocks of text end: after the last
 * blank line that is not inside a code fence. */
export function blockEnd(text) {
  let end = 0;
  let fenced = false;
  let position = 0;
  for (const line of text.split('\n')) {
    const next = position + line.length + 1;
    if (/^\s*```/.test(line)) fenced = !fenced;
    else if (!fenced && line.trim() === '' && next <= text.length) end = next;
    position = next;
  }
  return end;
}

/** splitBlocks cuts text at blank lines, code fences kept whole. */
export function splitBlocks(text) {
  const blocks = [];
  while (text.trim() !== '') {
    let end = 0;
    let fenced = false;
    for (const line of text.split('\n')) {
      if (/^\s*```/.test(line)) fenced = !fenced;
      if (!fenced && line.trim() === '' && end > 0) break;
      end += line.length + 1;
    }
    const block = text.slice(0, end).replace(/^\n+|\s+$/g, '');
    if (block !== '') blocks.push(block);
    text = text.slice(end);
  }
  return blocks;
}

export class AnswerView {
  #root;
  #cite;
  #text = '';
  #committed = 0;
  #tail = [];

  /** cite(n) returns a node that links to source n, or null if there is none. */
  constructor(root, cite) {
    this.#root = root;
    this.#cite = cite;
  }

  get text() {
    return this.#text;
  }

  append(text) {
    this.#text += text;
    this.#draw();
  }

  /** reset forgets what is shown and shows text instead. */
  reset(text = '') {
    this.#text = text;
    this.#committed = 0;
    this.#tail = [];
    this.#root.replaceChildren();
    this.#draw();
  }

  #draw() {
    const end = this.#committed + blockEnd(this.#text.slice(this.#committed));
    const complete = this.#text.slice(this.#committed, end);
    for (const node of this.#tail) node.remove();
    for (const block of splitBlocks(complete)) this.#root.append(this.#block(block));
    this.#committed = end;
    this.#tail = splitBlocks(this.#text.slice(end)).map((block) => this.#block(block));
    this.#root.append(...this.#tail);
  }

  #block(text) {
    if (/^\s*```/.test(text)) {
      const code = text.replace(/^\s*```[^\n]*\n?/, '').replace(/\n?```\s*$/, '');
      return el('pre', { tabIndex: 0 }, el('code', {}, code));
    }
    const heading = text.match(/^#{1,6}\s+(.+)$/);
    if (heading) return el('p', { class: 'answer-heading' }, ...this.#inline(heading[1]));
    const lines = text.split('\n');
    for (const [tag, marker] of [['ul', /^\s*[-*•]\s+/], ['ol', /^\s*\d+[.)]\s+/]]) {
      if (!lines.every((line) => marker.test(line) || /^\s{2,}\S/.test(line)) || !marker.test(lines[0])) continue;
      const list = el(tag);
      if (tag === 'ol') list.start = parseInt(lines[0], 10);
      for (const line of lines) {
        if (marker.test(line)) list.append(el('li', {}, ...this.#inline(line.replace(marker, ''))));
        else list.lastChild.append('\n', ...this.#inline(line.trim()));
      }
      return list;
    }
    return el('p', {}, ...this.#inline(text));
  }

  #inline(text) {
    const nodes = [];
    let from = 0;
    for (const match of text.matchAll(/`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)) {
      nodes.push(text.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[1]) nodes.push(el('code', {}, match[1]));
      else if (match[2]) nodes.push(el('strong', {}, ...this.#inline(match[2])));
      else {
        const links = match[3].split(',').map((n) => this.#cite(Number(n)));
        if (links.every(Boolean)) nodes.push(...links);
        else nodes.push(match[0]);
      }
    }
    nodes.push(text.slice(from));
    return nodes.filter((node) => node !== '');
  }
}
