// Markdown as answers use it, to DOM nodes: paragraphs, headings, lists, code,
// tables, quotes. What is finished is never touched again while more text
// arrives; only the last block is drawn anew.

import { h } from './dom.ts';
import { inline, type Cite } from './inline.ts';

const FENCE = /^ {0,3}(```+|~~~+)/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)(.*)/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const HEADING = /^ {0,3}#{1,6} +(.*?)[ #]*$/;
const DELIMITERS = /^ *\|? *:?-+:? *(\| *:?-+:? *)*\|? *$/;
const DEPTH = 6; // of lists and quotes in each other

const blank = (line: string | undefined) => line !== undefined && !/\S/.test(line);

const cells = (line: string): string[] =>
  line.trim().replace(/^\|/, '').replace(/\|$/, '').split('|');

/** blocks turns whole lines into nodes. */
const blocks = (lines: string[], cite: Cite, depth: number): Node[] => {
  const nodes: Node[] = [];
  const text = (source: string[]) => inline(source.join('\n').trim(), cite);
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    let match;
    if (blank(line)) i++;
    else if ((match = FENCE.exec(line))) {
      const mark = match[1]!;
      const code: string[] = [];
      while (++i < lines.length && !(lines[i]!.trim().startsWith(mark) && !lines[i]!.trim().replace(/[`~]/g, ''))) code.push(lines[i]!);
      i++;
      nodes.push(h('pre', { tabindex: 0 }, h('code', {}, code.join('\n'))));
    } else if (RULE.test(line)) {
      nodes.push(h('hr', {}));
      i++;
    } else if ((match = HEADING.exec(line))) {
      nodes.push(h('p', {}, h('strong', {}, ...text([match[1]!]))));
      i++;
    } else if (/^ {0,3}>/.test(line) && depth < DEPTH) {
      const inner: string[] = [];
      while (i < lines.length && /^ {0,3}>/.test(lines[i]!)) inner.push(lines[i++]!.replace(/^ *> ?/, ''));
      nodes.push(h('blockquote', {}, ...blocks(inner, cite, depth + 1)));
    } else if (ITEM.test(line) && depth < DEPTH) {
      i = list(lines, i, nodes, cite, depth);
    } else if (line.includes('|') && DELIMITERS.test(lines[i + 1] ?? '') && lines[i + 1]!.includes('-')) {
      const width = cells(line).length;
      const row = (source: string, tag: 'th' | 'td') => {
        const tr = h('tr', {});
        const values = cells(source);
        for (let c = 0; c < width; c++) tr.append(h(tag, {}, ...text([values[c] ?? ''])));
        return tr;
      };
      const body = h('tbody', {});
      const head = h('thead', {}, row(line, 'th'));
      i += 2;
      while (i < lines.length && lines[i]!.includes('|')) body.append(row(lines[i++]!, 'td'));
      nodes.push(h('div', { cc: 'table', tabindex: 0 }, h('table', {}, head, body)));
    } else {
      const paragraph = [line];
      while (++i < lines.length && !ends(lines, i)) paragraph.push(lines[i]!);
      nodes.push(h('p', {}, ...text(paragraph)));
    }
  }
  return nodes;
};

/** ends tells whether a paragraph ends before line i. */
const ends = (lines: string[], i: number): boolean =>
  blank(lines[i]) || FENCE.test(lines[i]!) || HEADING.test(lines[i]!) || RULE.test(lines[i]!) || /^ {0,3}>/.test(lines[i]!) || ITEM.test(lines[i]!) ||
  (lines[i]!.includes('|') && DELIMITERS.test(lines[i + 1] ?? ''));

/** list reads the list that begins at line i and returns where it ends. */
const list = (lines: string[], i: number, nodes: Node[], cite: Cite, depth: number): number => {
  const first = ITEM.exec(lines[i]!)!;
  const ordered = first[2]!.length > 1;
  const element = ordered ? h('ol', { start: parseInt(first[2]!, 10) }) : h('ul', {});
  const base = first[1]!.length;
  for (let match; i < lines.length && (match = ITEM.exec(lines[i]!)) && match[1]!.length <= base + 1 && match[2]!.length > 1 === ordered; ) {
    const inner = [match[3]!];
    // What is indented belongs to the item; a blank line before it too.
    while (++i < lines.length) {
      const next = lines[i]!;
      const indent = /^ */.exec(next)![0].length;
      if (blank(next)) {
        if (!/^ {2}/.test(lines[i + 1] ?? '') || /^ */.exec(lines[i + 1]!)![0].length <= base) break;
        inner.push('');
      } else if (indent > base + 1) inner.push(next.slice(Math.min(indent, base + 2 + (ordered ? 1 : 0))));
      else if (ITEM.test(next) || ends(lines, i)) break;
      else inner.push(next);
    }
    const content = blocks(inner, cite, depth + 1);
    // A tight item: its text without a paragraph around it.
    const [head] = content;
    if (head instanceof HTMLParagraphElement) content.splice(0, 1, ...head.childNodes);
    element.append(h('li', {}, ...content));
    while (blank(lines[i]) && ITEM.test(lines[i + 1] ?? '') ) i++;
  }
  nodes.push(element);
  return i;
};

/**
 * settled is how many of the lines can be drawn for good: they end with a
 * blank line that no open code or list reaches across. The last line may
 * still grow, so it never counts.
 */
const settled = (lines: string[]): number => {
  let fence = '';
  let end = 0;
  let inList = false;
  for (let i = 0; i < lines.length - 1; i++) {
    const line = lines[i]!;
    const mark = FENCE.exec(line)?.[1];
    if (fence) {
      if (mark?.startsWith(fence) && !line.trim().replace(/[`~]/g, '')) fence = '';
    } else if (mark) fence = mark;
    else if (blank(line)) {
      const next = lines[i + 1]!;
      // The line after it decides whether a list goes on; wait for enough of it.
      if (!inList || (i + 2 < lines.length || next.length > 12) && !blank(next) && !/^ /.test(next) && !ITEM.test(next)) {
        end = i + 1;
        inList = false;
      }
    } else if (ITEM.test(line)) inList = true;
  }
  return end;
};

/** Rendering shows a text that grows. */
export interface Rendering {
  readonly element: HTMLElement;
  /** text is everything so far. */
  text: string;
  append(more: string): void;
  /** redraw draws all of it again, for instance once the sources are known. */
  redraw(text?: string): void;
}

export const rendering = (cite: Cite): Rendering => {
  const element = h('div', { cc: 'answer' });
  let lines = ['']; // those not settled
  let fixed = 0; // child nodes that stay
  const view: Rendering = {
    element,
    text: '',
    append(more) {
      view.text += more;
      const [first, ...others] = more.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n');
      lines[lines.length - 1] += first!;
      lines.push(...others);
      while (element.childNodes.length > fixed) element.lastChild!.remove();
      const done = settled(lines);
      if (done) {
        element.append(...blocks(lines.slice(0, done), cite, 0));
        lines = lines.slice(done);
        fixed = element.childNodes.length;
      }
      element.append(...blocks(lines, cite, 0));
    },
    redraw(text = view.text) {
      lines = [''];
      fixed = 0;
      view.text = '';
      view.append(text);
    },
  };
  return view;
};
