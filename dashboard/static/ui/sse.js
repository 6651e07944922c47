// An incremental reader of text/event-stream (WHATWG HTML, 9.2.6). Input may
// be split anywhere, inside a rune or between CR and LF.

export class EventStreamParser {
  #decoder = new TextDecoder(); // drops a byte order mark, keeps split runes
  #line = '';
  #afterCR = false;
  #type = '';
  #data = [];
  #id = null;
  #emit;

  /** emit receives {type, data, id}; id is null if the event had none. */
  constructor(emit) {
    this.#emit = emit;
  }

  push(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (this.#afterCR) {
        this.#afterCR = false;
        if (c === '\n') {
          start = i + 1;
          continue;
        }
      }
      if (c !== '\n' && c !== '\r') continue;
      this.#endLine(this.#line + text.slice(start, i));
      this.#line = '';
      this.#afterCR = c === '\r';
      start = i + 1;
    }
    this.#line += text.slice(start);
  }

  #endLine(line) {
    if (line === '') {
      if (this.#data.length > 0) this.#emit({ type: this.#type || 'message', data: this.#data.join('\n'), id: this.#id });
      this.#type = '';
      this.#data = [];
      this.#id = null;
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment: the heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
  }
}
