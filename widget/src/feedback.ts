// What can be done with a finished answer: copy it, rate it, say why.

import { button, h } from './dom.ts';
import { Text, type Texts } from './text.ts';

export type Rate = (rating: string, comment?: string) => Promise<unknown>;

/** actions is the row below an answer. */
export const actions = (texts: Texts, answer: () => string, rating: string, rate: Rate, say: (text: string) => void): HTMLElement => {
  const thumbs: Record<string, HTMLButtonElement> = {};
  const comment = h('textarea', { cc: 'feedback-comment', rows: 2, maxlength: 1000, placeholder: texts(Text.comment), 'aria-label': texts(Text.comment) });
  const form = h('form', {
    cc: 'feedback-form', hidden: true,
    async submit(event: Event) {
      event.preventDefault();
      await rate(rating, comment.value.trim() || undefined);
      form.hidden = true;
      thumbs[rating]?.focus();
      say(texts(Text.thanks));
    },
  }, comment, h('button', { cc: 'feedback-send' }, texts(Text.send)));

  const show = () => {
    for (const name of Object.keys(thumbs)) thumbs[name]!.setAttribute('aria-pressed', `${rating === name}`);
  };
  const thumb = (name: string, path: string, label: string) =>
    (thumbs[name] = button('feedback-' + name, path, label, () => {
      rating = rating === name ? 'none' : name;
      form.hidden = rating === 'none';
      form.scrollIntoView({ block: 'nearest' });
      show();
      rate(rating);
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
    form,
  );
  show();
  return row;
};
