// Starts the widget that the script element asks for, once for each key.

import { createWidget, type Widget } from './widget.ts';

type Public = Widget & { of(key: string): Public | undefined };

declare global {
  interface Window {
    ChatConnect?: Public;
    ChatConnectSettings?: { key?: string; mode?: string; target?: string; api?: string; locale?: string; open?: boolean };
  }
}

const REGISTRY = Symbol.for('chatconnect');
const page = window as unknown as { [REGISTRY]?: Map<string, Public> };

/** Those that say which widget they are for. */
const tag = () => document.querySelector('script[data-key^=pk_],script[src*="/widget"][src*="key=pk_"]') as HTMLScriptElement | null;

/** The element that loaded this script; a module has no current script. */
let script = (document.currentScript as HTMLScriptElement | null) ?? tag();
// An attribute, then the address, then the page's settings.
const option = (name: string): any =>
  script?.dataset[name] ?? new URLSearchParams(script?.src.split(/[?#]/)[1]).get(name) ?? (window.ChatConnectSettings as any)?.[name] ?? undefined;
// One that was injected may have lost its attributes, or been put in another's place.
if (!option('key')) script = tag();
const key = option('key');
// An element of that name in the page is no address.
const base = option('api')?.replace?.(/\/+$/, '') ?? (script?.src && new URL(script.src).origin);
const widgets = (page[REGISTRY] ??= new Map());

if (!key || !base) console.warn('ChatConnect: key or api is missing');
else if (!widgets.has(key)) {
  const widget = createWidget({
    key, base,
    target: option('target') ?? 'body',
    locale: option('locale') ?? '',
    inline: option('mode') === 'inline',
    open: `${option('open') ?? false}` !== 'false',
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
