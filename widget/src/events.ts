// ChatConnect.on: what the page may listen to.

export type Detail = Record<string, unknown>;
export type Listener = (detail: Detail) => void;

export interface Events {
  /** on returns what ends it. */
  on(name: string, listener: Listener): () => void;
  emit(name: string, detail?: Detail): void;
}

export const events = (): Events => {
  const bus = new EventTarget(); // reports what a listener throws, and goes on
  return {
    on(name, listener) {
      const receive = (event: Event) => listener((event as CustomEvent).detail);
      bus.addEventListener(name, receive);
      return () => bus.removeEventListener(name, receive);
    },
    emit: (name, detail = {}) => void bus.dispatchEvent(new CustomEvent(name, { detail })),
  };
};
