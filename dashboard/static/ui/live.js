// The live feed of document changes. Every connection begins with a fresh
// snapshot, so nothing needs to be replayed after a gap.

const LONGEST_PAUSE = 15_000;

export class LiveFeed {
  #socket = null;
  #timer = 0;
  #failures = 0;
  #running = false;
  #on;

  /**
   * on.snapshot(clientId, documents), on.document(document), on.deleted(clientId, id),
   * on.state('connecting' | 'live' | 'reconnecting'), on.refused() after a
   * connection that was never opened.
   */
  constructor(on) {
    this.#on = on;
    window.addEventListener('online', () => this.#retryNow());
  }

  start() {
    this.stop();
    this.#running = true;
    this.#failures = 0;
    this.#on.state('connecting');
    this.#connect();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #retryNow() {
    if (!this.#running || this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  #connect() {
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(`${scheme}//${location.host}/api/dashboard/events`);
    let opened = false;
    this.#socket = socket;
    socket.addEventListener('open', () => {
      opened = true;
    });
    socket.addEventListener('message', (event) => {
      if (this.#socket !== socket) return;
      const message = JSON.parse(event.data);
      if (message.type === 'snapshot') {
        this.#failures = 0;
        this.#on.state('live');
        this.#on.snapshot(message.clientId, message.documents ?? []);
      } else if (message.type === 'document') {
        this.#on.document(message.document);
      } else if (message.type === 'deleted') {
        this.#on.deleted(message.clientId, message.documentId);
      }
    });
    socket.addEventListener('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (!this.#running) return;
      this.#on.state('reconnecting');
      const pause = Math.min(LONGEST_PAUSE, 400 * 2 ** this.#failures++) * (0.75 + Math.random() / 2);
      this.#timer = setTimeout(() => this.#connect(), pause);
      if (!opened) this.#on.refused();
    });
  }
}
