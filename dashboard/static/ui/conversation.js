// Remembers a conversation in the tab, so that a reload shows it again and
// can re-attach to an answer that was still being written.

import { randomId } from './dom.js';

const KEPT = 50; // messages

export class Conversation {
  #key;

  constructor(userId, clientId) {
    this.#key = `chat:${userId}:${clientId}`;
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(this.#key));
    } catch {
      // Unreadable or forbidden: begin anew.
    }
    this.sessionId = kept?.sessionId ?? randomId();
    /** messages: {id, question, answer, sources, state: 'open'|'done'|'error', error} */
    this.messages = kept?.messages ?? [];
  }

  save() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ sessionId: this.sessionId, messages: this.messages.slice(-KEPT) }));
    } catch {
      // Storage may be full or forbidden; the chat works without it.
    }
  }

  restart() {
    this.sessionId = randomId();
    this.messages = [];
    this.save();
  }
}

/** forgetConversations removes what a user leaves behind on logging out. */
export function forgetConversations() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith('chat:')) sessionStorage.removeItem(key);
  } catch {
    // Nothing was kept then.
  }
}
