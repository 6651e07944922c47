// JSON that a page can't spoil: old libraries give String and Array a toJSON
// that makes JSON.stringify quote twice.

type Value = string | number | boolean | null | undefined | { readonly [name: string]: Value };

const quote = (text: string): string =>
  '"' + text.replace(/["\\\u0000-\u001f\u2028\u2029]/g, (c) => '\\u' + ('000' + c.charCodeAt(0).toString(16)).slice(-4)) + '"';

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
