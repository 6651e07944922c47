// Small helpers over the DOM. Nodes are always built, never parsed from
// strings, so the page needs no Trusted Types policy.

const SVG = 'http://www.w3.org/2000/svg';

/** byId returns the element, and fails loudly if the page has none. */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}

/** el builds an element; properties whose name has a dash become attributes. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'class') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** icon builds an icon of icons.svg that screen readers skip. */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/ui/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** setText changes a text only if it differs, so that nothing is announced twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** showError fills a message slot, or hides it when there is no message. */
export function showError(slot, message) {
  slot.hidden = !message;
  setText(slot, message || '');
}

/** announce tells screen readers once, politely. */
export function announce(text) {
  setText(byId('announcer'), text);
}

/** busy disables a form's submit button while work is under way. */
export async function busy(form, work) {
  if (form.dataset.busy) return;
  const button = form.querySelector('[type=submit]');
  form.dataset.busy = 'true';
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    delete form.dataset.busy;
    button.removeAttribute('aria-disabled');
  }
}

/** formatBytes writes a size the way file managers do. */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  for (const [unit, size] of [['kB', 1e3], ['MB', 1e6], ['GB', 1e9]]) {
    if (bytes < size * 1000 || unit === 'GB') {
      const value = bytes / size;
      return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
    }
  }
}

/** count writes a number with its noun: "1 passage", "12 passages". */
export function count(n, noun) {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`;
}
