// What only an open panel needs, its words and its style, is one small file
// for each locale, loaded when somebody is about to open it.

/** Text numbers the icons of icons.json, the patterns of patterns.json and the texts of locales/en.json, in their order; build.mjs checks it. */
export const enum Text {
  iconNew, iconSend, iconStop, iconCopy, iconUp, iconDown, iconEnd,
  patternInline, patternBlock, patternTable,
  close, newChat, input, send, stop, you, answer, log, waiting, copy, copied, good, bad, comment, thanks,
  sources, source, page, row, stopped, restarted, offline, reconnecting, limited, failed, unsent, retry, newest, length,
}

export type Texts = (text: Text, value?: string | number) => string;

export interface Dress {
  texts: Texts;
  style: string;
}

/** localeOf picks one of ours for a BCP 47 tag. */
export const localeOf = (tag: string): string => /^(de|fr|es|pt|ar|zh|ja)\b/i.exec(tag)?.[1]!.toLowerCase() ?? 'en';

/** loadDress throws when it can't be had. */
export const loadDress = async (base: string, locale: string): Promise<Dress> => {
  const response = await fetch(`${base}/widget/${DRESS}.${locale}.json`, { credentials: 'omit' });
  const [style, ...table] = await response.json();
  return { style, texts: (text, value) => table[text].replace('{}', value) };
};
