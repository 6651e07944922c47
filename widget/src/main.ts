// Starts the widget that the script element asks for, once for each key.

import { createWidget, type Widget } from './widget.ts';

type Public = Widget & { of(key: string): Public | undefined };

declare global {
  interface Window {
    ChatConnect?: Public;
  }
}

const REGISTRY = Symbol.for('chatconnect');
const page = window as unknown as { [REGISTRY]?: Map<string, Public> };

/** The element that loaded this script; a module has no current script. */
const script = (document.currentScript ?? document.querySelector('script[data-key^=pk_]')) as HTMLScriptElement | null;
const key = script?.dataset.key;
const widgets = (page[REGISTRY] ??= new Map());

if (!key) console.warn('ChatConnect: data-key is missing');
else if (!widgets.has(key)) {
  const { mode, target = 'body', api, locale = '', open } = script.dataset;
  const widget = createWidget({
    key, target, locale,
    base: api?.replace(/\/+$/, '') ?? new URL(script.src).origin,
    inline: mode === 'inline',
    open: open !== undefined,
    removed() {
      widgets.delete(key);
      if (window.ChatConnect === self) window.ChatConnect = widgets.values().next().value;
    },
  });
  const self: Public = { ...widget, of: (key) => widgets.get(key) };
  widgets.set(key, self);
  window.ChatConnect ??= self;
  document.dispatchEvent(new CustomEvent('chatconnect:ready', { detail: self }));
}
