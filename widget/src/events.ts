// ChatConnect.on: what the page may listen to.

export type Detail = Record<string, unknown>;
export type Listener = (detail: Detail) => void;

export interface Events {
  on(name: string, listener: Listener): () => void;
  emit(name: string, detail?: Detail): void;
}

export const events = (): Events => {
  const listeners = new Set<{ name: string; listener: Listener }>();
  return {
    on(name, listener) {
      const entry = { name, listener };
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
    emit(name, detail = {}) {
      for (const entry of [...listeners]) {
        if (entry.name !== name) continue;
        try {
          entry.listener(detail);
        } catch (error) {
          reportError(error); // the page's mistake stays the page's
        }
      }
    },
  };
};
