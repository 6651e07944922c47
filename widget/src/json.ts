// JSON that a page can't spoil: old libraries give String and Array a toJSON
// that makes JSON.stringify quote twice.

type Value = string | number | boolean | null | undefined | { readonly [name: string]: Value };

const quote = (text: string): string =>
  '"' + text.replace(/["\\\0-\x1f]/g, (c) => '\\u' + (c.charCodeAt(0) + 65536).toString(16).slice(1)) + '"';

/** write serialises texts, numbers and plain objects of them; members that are undefined are left out. */
export const write = (value: Value): string => {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || !value) return `${value}`;
  let body = '';
  for (const name of Object.keys(value)) {
    if (value[name] !== undefined) body += (body && ',') + quote(name) + ':' + write(value[name]);
  }
  return `{${body}}`;
};

export const read = JSON.parse;
