// Text within a block: code, links, emphasis, citations.

import { h } from './dom.ts';
import { Text, type Texts } from './text.ts';

/** cite makes the node for a citation: `[1]`, `[1, 2]`. */
export type Cite = (text: string) => Node | string;

// One alternative a token: 1 an escaped character, 2-3 code, 4-5 a link (or
// image) and its address, 6 a citation, 7 a bare link, 8-9 emphasis. Every
// repetition is bounded or ends at the first character that can't belong to
// it, so hostile text costs little time. It is long, and loaded with the panel
// (patterns.json).
let TOKEN: RegExp;
export const usePattern = (texts: Texts) => (TOKEN = new RegExp(texts(Text.patternInline), 'g'));

const WORD = /[\p{L}\p{N}]/u;

const link = (url: string, ...children: (Node | string)[]): Node =>
  h('a', { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' }, ...children);

/** inline returns the nodes of a text. */
export const inline = (text: string, cite: Cite): (Node | string)[] => {
  const nodes: (Node | string)[] = [];
  let from = 0;
  let plain = '';
  const add = (...made: (Node | string)[]) => {
    if (plain) nodes.push(plain);
    plain = '';
    nodes.push(...made);
  };
  // The position is set anew, for inline calls itself.
  for (let match; (TOKEN.lastIndex = from), (match = TOKEN.exec(text)); ) {
    const [whole, escaped, , code, label, url, cited, bare, mark, inner] = match;
    const at = match.index;
    plain += text.slice(from, at);
    from = at + whole.length;
    if (escaped) plain += escaped;
    else if (code) add(h('code', {}, code));
    else if (url !== undefined) {
      // Anything but these schemes stays what it is: text.
      const content = inline(label || url, (text) => text);
      if (/^(https?:\/\/|mailto:)/i.test(url)) add(link(url, ...content));
      else plain += label || url;
    } else if (cited) add(cite(whole));
    else if (bare) add(link(bare, bare));
    else if (mark![0] === '_' && (WORD.test(text[at - 1] ?? '') || WORD.test(text[from] ?? ''))) {
      // snake_case is no emphasis.
      plain += mark;
      from = at + mark!.length;
    } else add(h(mark === '~~' ? 'del' : mark!.length > 1 ? 'strong' : 'em', {}, ...inline(inner!, cite)));
  }
  plain += text.slice(from);
  add();
  return nodes;
};
