// The reference of what an event stream means: WHATWG HTML §9.2.6, on the
// whole of the bytes at once, so that there is nothing to get wrong about
// chunks.

/**
 * events returns [{type, data, id}]; id is the event's own, '' for none. (To
 * remember the last one is the caller's part here.)
 */
export function events(bytes) {
  const text = new TextDecoder('utf-8').decode(bytes); // drops a byte order mark
  const lines = text.split(/\r\n|\r|\n/);
  lines.pop(); // what follows the last line end is no line
  const found = [];
  let type = '', data = [], id = '';
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) found.push({ type: type || 'message', data: data.join('\n'), id });
      type = id = '';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'event') type = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
  return found;
}
