// Remembers a conversation in the tab, so that a reload shows it again and
// can re-attach to an answer that was still being written.

import { problemOf } from './http.js';

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
    /** session: {id, token} as the server gave it out, null before the first question. */
    this.session = kept?.session ?? null;
    /** messages: {id, question, answer, sources, state: 'open'|'done'|'error', error} */
    this.messages = kept?.messages ?? [];
  }

  save() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ session: this.session, messages: this.messages.slice(-KEPT) }));
    } catch {
      // Storage may be full or forbidden; the chat works without it.
    }
  }

  restart() {
    this.session = null;
    this.messages = [];
    this.save();
  }

  /** begin returns the session, and has the server make one for the first question. */
  async begin(key, signal) {
    if (this.session) return this.session;
    const response = await fetch('/chat/sessions', { method: 'POST', headers: { 'x-api-key': key }, signal, cache: 'no-store', credentials: 'omit' });
    if (!response.ok) throw await problemOf(response);
    const { sessionId, sessionToken } = await response.json();
    this.session ??= { id: sessionId, token: sessionToken };
    this.save();
    return this.session;
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
