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

/** openSession works without storage too: then until the page is left. */
export const openSession = (key: string): Session => {
  const name = 'chatconnect:' + key;
  let memory: Memory = perhaps(() => read(localStorage.getItem(name)!)) || {};
  let creating: Promise<unknown> | undefined;
  const session: Session = {
    get memory() {
      return memory;
    },
    keep(changes) {
      memory = { ...memory, ...changes };
      perhaps(() => localStorage.setItem(name, write({ ...memory })));
    },
    forget() {
      memory = {};
      session.keep(memory);
    },
    async headers(call) {
      if (!memory.id) {
        creating ??= call('POST', '/chat/sessions', {}, undefined, soon())
          .then(async (response) => {
            const made = await response.json();
            session.keep({ id: made.sessionId, token: made.sessionToken });
          })
          .finally(() => (creating = undefined));
        await creating;
      }
      return { 'x-session-token': memory.token! };
    },
  };
  return session;
};
