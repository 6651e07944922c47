// An incremental reader of text/event-stream (WHATWG HTML, 9.2.6). Input may
// be split anywhere, inside a rune or between CR and LF.

/** emit gets the type, the data and the id, empty if the event had none. */
export type Emit = (type: string, data: string, id: string) => void;

export const eventStream = (emit: Emit): ((bytes: Uint8Array) => void) => {
  const decoder = new TextDecoder(); // drops a byte order mark, keeps split runes
  let rest = '';
  let type = '';
  let data: string | undefined;
  let id = '';
  let afterCR = false;

  const endLine = (line: string) => {
    if (!line) {
      if (data !== undefined) emit(type || 'message', data, id);
      type = id = '';
      data = undefined;
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?([^]*))?/.exec(line)!;
    if (field === 'data') data = data === undefined ? value : data + '\n' + value;
    if (field === 'event') type = value;
    if (field === 'id') id = value;
  };

  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return; // only a part of a rune
    if (afterCR && text[0] === '\n') text = text.slice(1);
    afterCR = text.endsWith('\r');
    const lines = (rest + text).split(/\r\n|[\r\n]/);
    rest = lines.pop()!;
    for (const line of lines) endLine(line);
  };
};
