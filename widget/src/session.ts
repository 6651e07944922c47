// What this device remembers: the session and how to prove it, the question
// under way, opinions not yet sent. No text of an answer is kept: the server has them.

import { soon, type Call } from './http.ts';
import { read, write } from './json.ts';
import type { Opinion } from './opinions.ts';

/** perhaps does what a browser may refuse: storage that is full, blocked or absent. */
export const perhaps = <T>(action: () => T): T | undefined => {
  try {
    return action();
  } catch {
    return undefined;
  }
};

export interface Memory {
  id?: string;
  token?: string;
  pending?: string; // messageId of the question under way
  question?: string; // its text
  unread?: number;
  opinions?: { [messageId: string]: Opinion | undefined }; // not yet sent
}

export interface Session {
  readonly memory: Memory;
  /** keep changes what is remembered. */
  keep(changes: Memory): void;
  /** forget begins anew. */
  forget(): void;
  /** headers prove the session, which is created if there is none. */
  headers(call: Call): Promise<Record<string, string>>;
}

/**
 * openSession works without storage too: then until the page is left. Other
 * tabs, and pages kept for going back, write to the same place: a page takes
 * over what another has kept of the same conversation, or of the first one if
 * it has none. Of two conversations the device remembers the one that was last
 * begun or asked in.
 */
export const openSession = (key: string): Session => {
  const name = 'chatconnect:' + key;
  let memory: Memory = {};
  let seen: string | null | undefined; // what storage held when it was last looked at
  let ours = true; // that was this page's conversation
  let creating: Promise<unknown> | undefined;
  const current = (): Memory => {
    perhaps(() => {
      const stored = localStorage.getItem(name);
      if (stored === seen) return;
      seen = stored;
      const theirs: Memory = read(stored!) || {};
      // '' is the conversation that begins after one was forgotten.
      ours = memory.id === undefined || theirs.id === memory.id;
      if (ours) memory = theirs;
    });
    return memory;
  };
  const session: Session = {
    get memory() {
      return current();
    },
    keep(changes) {
      memory = { ...current(), ...changes };
      if (!(ours ||= !!(changes.pending || changes.id))) return;
      perhaps(() => {
        const stored = write({ ...memory, id: memory.id || undefined });
        localStorage.setItem(name, stored);
        seen = stored;
      });
    },
    forget() {
      current();
      memory = { id: '' };
      ours = true;
      session.keep({});
    },
    async headers(call) {
      if (!current().id) {
        creating ??= call('POST', '/chat/sessions', {}, undefined, soon())
          .then(async (response) => {
            const made = await response.json();
            // Another page may have been quicker.
            if (!current().id) session.keep({ id: made.sessionId, token: made.sessionToken });
          })
          .finally(() => (creating = undefined));
        await creating;
      }
      return { 'x-session-token': memory.token! };
    },
  };
  return session;
};
