// Nodes are built, never parsed from strings: no Trusted Types policy is
// needed, and no text becomes markup.

type Child = Node | string;
type Attributes = Record<string, string | number | boolean | ((event: any) => void) | undefined>;

/**
 * h builds an element. A function is a listener; false and undefined set
 * nothing; `cc` is data-cc, the name tests and styles know it by.
 */
export const h = <K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes, ...children: Child[]): HTMLElementTagNameMap[K] => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name === 'cc' ? 'data-cc' : name, value);
  }
  element.append(...children);
  return element;
};

const SVG = 'http://www.w3.org/2000/svg';

/** icon draws a path of 24 by 24 with the colour of the text. */
export const icon = (path: string): SVGElement => {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
};

export const CHAT = 'M4 5h16v11H9l-5 4z';
export const HELP = 'M9 9a3 3 0 1 1 4 3q-1 .5-1 2m0 3v.1M3 12a9 9 0 1 1 18 0 9 9 0 1 1-18 0';
export const CLOSE = 'M6 6l12 12M18 6L6 18';

/** button builds an icon's button; the label is what it is called. */
export const button = (cc: string, path: string, label: string, click: (event: Event) => void): HTMLButtonElement =>
  h('button', { cc, 'aria-label': label, title: label, click }, icon(path));
