// One widget of a page: its host element, its launcher, and what the page may
// call.

import { CHAT, CLOSE, h, HELP, icon } from './dom.ts';
import { loadSettings, type Settings } from './config.ts';
import { events, type Listener } from './events.ts';
import { caller } from './http.ts';
import { createPanel, type Panel } from './panel.ts';
import { openSession, perhaps } from './session.ts';
import launcherStyle from './launcher.css';
import { loadDress, localeOf } from './text.ts';
import { themeSheet } from './theme.ts';

export interface Options {
  key: string;
  base: string; // origin of the API
  inline: boolean;
  target: string; // selector, for inline
  locale: string; // overrides the configuration
  open: boolean;
  removed(): void;
}

export interface Widget {
  open(): Promise<void>;
  close(): void;
  send(text: string): Promise<void>;
  identify(data: { [name: string]: string }): void;
  reset(): void;
  theme(settings: Partial<Settings>): void;
  on(name: string, listener: Listener): () => void;
  destroy(): void;
}

export const createWidget = ({ key, base, inline, target, locale, open, removed }: Options): Widget => {
  const call = caller(base, key);
  const session = openSession(key);
  const { on, emit } = events();
  const sheets = [new CSSStyleSheet(), new CSSStyleSheet(), new CSSStyleSheet()];
  const mode = inline ? 'inline' : 'bubble';
  // A name with a dash may have a shadow; it needs no registration.
  const host = document.createElement('chat-connect');
  const root = host.attachShadow({ mode: 'open' });
  let settings: Settings;
  let overrides: Partial<Settings> = {};
  let metadata: { [name: string]: string } | undefined;
  let panel: Promise<Panel | undefined> | undefined;
  let built: Panel | undefined;
  let dressing: ReturnType<typeof loadDress> | undefined;
  let shown = false;
  let place = 0;
  let gone = false;
  let before: Element | null = null; // had the focus
  let language = 'en';

  host.dataset.key = key;
  host.dataset.mode = mode;
  if (!inline) host.popover = 'manual';
  sheets[0].replaceSync(launcherStyle);
  root.adoptedStyleSheets = sheets;

  // Pages replace their body, or all they have; the widget stays.
  const attach = () => {
    if (gone || host.isConnected || !settings) return;
    for (const node of [document, document.documentElement]) if (node) observer.observe(node, { childList: true, subtree: inline });
    // document.open() takes the listeners of all that it removes.
    heard = false;
    root.dispatchEvent(new Event('keyup'));
    if (!heard) revive();
    (inline ? document.querySelector(target) : document.documentElement)?.append(host);
    // In the top layer it is placed by the window, however the page is transformed.
    if (!inline) perhaps(() => host.showPopover());
    if (shown) show();
  };
  const night = matchMedia('(prefers-color-scheme:dark)');
  const observer = new MutationObserver(attach);

  // What could not be loaded is loaded when it is next asked for.
  const later = () => undefined;
  const early = () => prepare().catch(later);
  const badge = h('span', { cc: 'badge', hidden: true });
  let launcher: HTMLElement;
  let heard = false;

  /** revive makes all that listens, for the first time or anew. */
  const revive = () => {
    // The page's shortcuts and focus traps don't concern what happens in here.
    for (const name of ['keydown', 'keypress', 'keyup', 'focusin']) root.addEventListener(name, (event) => {
      heard = true;
      event.stopPropagation();
    });
    launcher = h('button', { cc: 'launcher', 'aria-haspopup': 'dialog', click: () => (shown ? close() : api.open().catch(later)), pointerenter: early, focus: early });
    dress();
    root.replaceChildren(...(inline ? [] : [launcher]));
    const again = built;
    again?.leave();
    built = panel = undefined;
    if (shown) {
      shown = false;
      unfold().catch(later);
    } else if (again) build().catch(later);
  };

  const dress = () => {
    const { colorScheme } = settings;
    const dark = colorScheme === 'dark' || (colorScheme !== 'light' && night.matches);
    host.toggleAttribute('data-dark', dark);
    sheets[1].replaceSync(themeSheet(settings, dark, place));
    const { launcherText = '', launcherIcon, title } = settings;
    const label = launcherText || title;
    const picture = icon(shown ? CLOSE : launcherIcon === 'help' ? HELP : CHAT);
    launcher.replaceChildren(launcherText && launcherIcon === 'none' && !shown ? '' : picture, launcherText, badge);
    const { unread = 0 } = session.memory;
    badge.hidden = !unread;
    badge.textContent = `${unread}`;
    launcher.setAttribute('aria-label', unread ? `${label} (${unread})` : label);
    launcher.setAttribute('aria-expanded', shown);
  };

  const ready = loadSettings(base, key, () => gone).then((loaded) => {
    if (!loaded || gone) return new Promise<never>(() => {}); // nothing will happen
    settings = { ...loaded, ...overrides };
    language = localeOf(locale || (settings.locale !== 'auto' && settings.locale) || document.documentElement.lang || navigator.language);
    // A second bubble stands above the first, or where one is gone.
    while (document.querySelector(`chat-connect[data-place='${place}']`)) place++;
    if (!inline) host.dataset.place = `${place}`;
    night.addEventListener('change', dress);
    attach();
    emit('ready', { clientId: settings.clientId });
    // By itself it takes no focus. An answer under way, or not yet seen, is awaited out of sight.
    if (!inline && (open || remembered())) unfold().catch(later);
    else if (inline || session.memory.pending || session.memory.unread) build().catch(later);
  });

  /** prepare begins as soon as somebody seems about to open the panel. */
  const prepare = () =>
    (dressing ??= loadDress(base, language).catch((error) => {
      dressing = panel = undefined; // to be tried again
      throw error;
    }));

  const build = (): Promise<Panel | undefined> =>
    (panel ??= ready.then(prepare).then(({ style, texts }) => {
      if (gone) return undefined;
      sheets[2].replaceSync(style);
      built = createPanel({
        settings, inline, texts, locale: language, call, session, events: { on, emit }, close,
        metadata: () => metadata,
        answered() {
          if (shown || inline) return;
          session.keep({ unread: (session.memory.unread ?? 0) + 1 });
          dress();
        },
      });
      root.append(built.element);
      return built;
    }));

  const small = () => matchMedia('(max-width:480px),(max-height:420px)').matches;
  // On a small screen the panel covers the page, which then must not get the focus.
  const show = () => {
    const dialog = built!.element as HTMLDialogElement;
    dialog.close();
    if (small()) dialog.showModal();
    else dialog.open = true; // show() would take the focus
  };

  // The tab's next page begins with the panel as it is, unless it would cover it.
  const slot = 'chatconnect:' + key;
  const remember = () => perhaps(() => sessionStorage.setItem(slot, shown ? '1' : ''));
  const remembered = () => perhaps(() => sessionStorage.getItem(slot)) && !small();

  const close = () => {
    if (!shown || inline) return;
    shown = false;
    const inside = root.activeElement;
    (built!.element as HTMLDialogElement).close();
    dress();
    remember();
    if (inside) (before?.isConnected && before !== document.body ? (before as HTMLElement) : launcher).focus();
    emit('close');
  };

  const unfold = async (): Promise<Panel | undefined> => {
    const panel = await build();
    if (panel && !gone && !shown && !inline) {
      shown = true;
      before = document.activeElement === host ? null : document.activeElement;
      show();
      session.keep({ unread: 0 });
      dress();
      remember();
      emit('open');
    }
    return panel;
  };

  const api: Widget = {
    async open() {
      (await unfold())?.focus();
    },
    close,
    async send(text) {
      await api.open();
      built?.ask(text);
    },
    identify(data) {
      metadata = { ...metadata };
      for (const name of Object.keys(data)) metadata[name] = `${data[name]}`;
    },
    reset() {
      if (built) built.reset();
      else session.forget();
    },
    theme(changes) {
      overrides = { ...overrides, ...changes };
      if (!settings) return;
      Object.assign(settings, changes);
      dress();
      built?.dress();
    },
    on,
    destroy() {
      gone = true;
      shown = false;
      observer.disconnect();
      night.removeEventListener('change', dress);
      built?.leave();
      built = undefined;
      host.remove();
      removed();
      emit('destroy');
    },
  };
  ready.catch(later);
  return api;
};
