// Markdown as answers use it, to DOM nodes: paragraphs, headings, lists, code,
// tables, quotes. What is finished is never touched again while more text
// arrives; only the last block is drawn anew.

import { h } from './dom.ts';
import { inline, usePattern, type Cite } from './inline.ts';
import { Text, type Texts } from './text.ts';

// How a line begins: 1 indent, 2 code, 3 heading, 4 quote, 5 rule, 7 list item, 8 its text.
let BLOCK: RegExp;
let DELIMITERS: RegExp; // below a table's head
const DEPTH = 6; // of lists and quotes in each other

/** usePatterns takes over what was loaded with the panel (patterns.json). */
export const usePatterns = (texts: Texts) => {
  usePattern(texts);
  BLOCK = new RegExp(texts(Text.patternBlock));
  DELIMITERS = new RegExp(texts(Text.patternTable));
};

const blank = (line: string) => !line.trim();
const indent = (line: string) => line.search(/\S|$/);
const closes = (line: string, fence: string) => (line = line.trim()).startsWith(fence) && !line.replace(/[`~]/g, '');
const cells = (line: string) => line.trim().replace(/^\||\|$/g, '').split('|');

/** blocks turns whole lines into nodes. */
const blocks = (lines: string[], cite: Cite, depth: number): Node[] => {
  const nodes: Node[] = [];
  const text = (source: string) => inline(source.trim(), cite);
  /** take joins the lines from i on that belong together. */
  const take = (belongs: (line: string) => unknown) => {
    const taken: string[] = [];
    while (i < lines.length && belongs(lines[i]!)) taken.push(lines[i++]!);
    return taken;
  };
  const table = () => lines[i]!.includes('|') && DELIMITERS.test(lines[i + 1] ?? '');
  let i = 0;
  while (i < lines.length) {
    const line = lines[i]!;
    const [, space, fence, heading, quote, rule, , marker] = BLOCK.exec(line) ?? [];
    if (fence) {
      i++;
      nodes.push(h('pre', { tabindex: 0 }, h('code', {}, take((line) => !closes(line, fence)).join('\n'))));
      i++;
    } else if (rule) {
      i++;
      nodes.push(h('hr', {}));
    } else if (heading) {
      i++;
      nodes.push(h('p', {}, h('strong', {}, ...text(heading))));
    } else if (quote && depth < DEPTH) {
      nodes.push(h('blockquote', {}, ...blocks(take((line) => /^ *>/.test(line)).map((line) => line.replace(/^ *> ?/, '')), cite, depth + 1)));
    } else if (marker && depth < DEPTH) {
      const ordered = marker.length > 1;
      const list = ordered ? h('ol', { start: parseInt(marker, 10) }) : h('ul', {});
      const base = space!.length + 1;
      nodes.push(list);
      for (let item; i < lines.length && (item = BLOCK.exec(lines[i]!))?.[7] && item[1]!.length <= base && item[7].length > 1 === ordered; ) {
        i++;
        // What is indented belongs to the item, also after blank lines.
        let gap = false;
        const inner = take((line) => {
          const next = blank(line) ? lines.slice(i).find((line) => !blank(line)) : line;
          const deeper = next && indent(next) > base;
          if (blank(line)) gap = true;
          return deeper || (!gap && next && !BLOCK.test(next) && !table());
        });
        const content = blocks([item[8]!, ...inner.map((line) => line.slice(Math.min(indent(line), base + 1 + +ordered)))], cite, depth + 1);
        // A tight item: its text without a paragraph around it.
        if ((content[0] as Element)?.localName === 'p') content.splice(0, 1, ...content[0].childNodes);
        list.append(h('li', {}, ...content));
        while (i + 1 < lines.length && blank(lines[i]!) && BLOCK.exec(lines.slice(i).find((line) => !blank(line)) ?? '')?.[7]) i++;
      }
    } else if (blank(line)) i++;
    else if (table()) {
      const width = cells(line).length;
      const row = (source: string, tag: 'th' | 'td') => {
        const values = cells(source).slice(0, width);
        while (values.length < width) values.push('');
        return h('tr', {}, ...values.map((value) => h(tag, {}, ...text(value))));
      };
      i += 2;
      nodes.push(h('div', { cc: 'table', tabindex: 0 }, h('table', {}, h('thead', {}, row(line, 'th')), h('tbody', {}, ...take((line) => line.includes('|')).map((line) => row(line, 'td'))))));
    } else {
      let first = true;
      nodes.push(h('p', {}, ...text(take((line) => first ? !(first = false) : !(blank(line) || BLOCK.test(line) || table())).join('\n'))));
    }
  }
  return nodes;
};

/**
 * settled is how many of the lines can be drawn for good: they end with a
 * blank line that no open code or list reaches across. The last line may
 * still grow, so it decides nothing.
 */
const settled = (lines: string[]): number => {
  let fence = '';
  let list = false;
  let end = 0;
  for (let i = 0; i < lines.length - 1; i++) {
    const line = lines[i]!;
    const match = BLOCK.exec(line);
    if (fence) fence = closes(line, fence) ? '' : fence;
    else if (match?.[2]) fence = match[2];
    else if (match?.[7]) list = true;
    else if (!blank(line)) list &&= !!indent(line) || !blank(lines[i - 1] ?? '');
    if (!fence && !list && blank(line)) end = i + 1;
  }
  return end;
};

/** Rendering shows a text that grows. */
export interface Rendering {
  readonly element: HTMLElement;
  /** text is everything so far. */
  text: string;
  append(more: string): void;
  clear(): void;
}

export const rendering = (cite: Cite): Rendering => {
  const element = h('div', { cc: 'answer', dir: 'auto' });
  let lines = ['']; // those not settled
  let fixed = 0; // child nodes that stay
  const view: Rendering = {
    element,
    text: '',
    append(more) {
      view.text += more;
      const [first, ...others] = more.replace(/\r/g, '').replace(/\t/g, '    ').split('\n');
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
    clear() {
      lines = [''];
      fixed = 0;
      view.text = '';
      element.replaceChildren();
    },
  };
  return view;
};
