// What can be done with a finished answer: copy it, rate it, say why.

import { button, h } from './dom.ts';
import type { Opinion } from './opinions.ts';
import { Text, type Texts } from './text.ts';

/** Rate is Deliver for one message. */
export type Rate = (opinion: Opinion, waits: () => void) => Promise<boolean | undefined>;

/** actions is the row below an answer; kept is an opinion that could not be sent earlier. */
export const actions = (texts: Texts, answer: () => string, rating: string, kept: Opinion | undefined, rate: Rate, say: (text: string) => void): HTMLElement => {
  const thumbs: Record<string, HTMLButtonElement> = {};
  const comment = h('textarea', { cc: 'feedback-comment', rows: 2, maxlength: 1000, placeholder: texts(Text.comment), 'aria-label': texts(Text.comment) });
  const form = h('form', {
    cc: 'feedback-form', hidden: true,
    async submit(event: Event) {
      event.preventDefault();
      form.hidden = true;
      thumbs[rating]?.focus();
      if (await give({ rating, comment: comment.value.trim() || undefined })) say(texts(Text.thanks));
    },
  }, comment, h('button', { cc: 'feedback-send' }, texts(Text.send)));

  const note = h('p', { cc: 'unsent', hidden: true });
  const tell = (text: string) => {
    note.hidden = !text;
    if (text !== note.textContent) say((note.textContent = text));
  };
  const give = async (opinion: Opinion) => {
    ({ rating } = opinion);
    show();
    const taken = await rate(opinion, () => tell(texts(Text.unsent)));
    if (taken) tell('');
    else if (taken === false) {
      rating = 'none';
      show();
      tell(texts(Text.failed));
    }
    return taken;
  };
  const show = () => {
    for (const name of Object.keys(thumbs)) thumbs[name]!.setAttribute('aria-pressed', rating === name);
  };
  const thumb = (name: string, path: string, label: string) =>
    (thumbs[name] = button('feedback-' + name, path, label, () => {
      give({ rating: rating === name ? 'none' : name });
      form.hidden = rating === 'none';
      form.scrollIntoView({ block: 'nearest' });
    }));

  const row = h('div', { cc: 'actions' },
    button('copy', texts(Text.iconCopy), texts(Text.copy), async () => {
      try {
        await navigator.clipboard.writeText(answer());
        say(texts(Text.copied));
      } catch {
        // Without https there is no clipboard; the text can be selected.
      }
    }),
    thumb('up', texts(Text.iconUp), texts(Text.good)),
    thumb('down', texts(Text.iconDown), texts(Text.bad)),
    form, note,
  );
  if (kept) give(kept);
  else show();
  return row;
};
