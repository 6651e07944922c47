// The states a widget can be in, for axe and for pictures: each is reached as a
// visitor would, one after the other.

import { contract, gate, SOURCES } from './contract.mjs';

const TEXTS = {
  en: {
    config: { title: 'Ask the shop', greeting: 'Hi! Ask me anything about **our** coffee machines.', placeholder: 'Type your question', suggestedQuestions: ['How often must it be descaled?', 'What does a descaler cost?', 'May I return an article?'], primaryColor: '#2457d6', locale: 'en' },
    question: 'How often must the Zephyr-9 be descaled, and with what?',
    answer: ['The Zephyr-9 must be descaled **every 41 days** [1].\n\n', 'You will need:\n\n', '1. a descaler, article `DS-9` [2]\n', '2. half a litre of *cold* water\n\n', '| article | price |\n|---|---:|\n| DS-9 | 9.50 EUR |\n| DS-12 | 14.00 EUR |\n\n', '```sh\nzephyr --descale --now\n```\n\n', 'More is in [the manual](https://example.com/manual).'],
  },
  ar: {
    config: { title: 'اسأل المتجر', greeting: 'مرحبا! اسألني عن آلات القهوة.', placeholder: 'اكتب سؤالك', suggestedQuestions: ['كم مرة يجب إزالة الترسبات؟', 'ما هو السعر؟'], primaryColor: '#0a7a4b', locale: 'ar' },
    question: 'كم مرة يجب إزالة الترسبات من Zephyr-9؟',
    answer: ['يجب إزالة الترسبات **كل 41 يومًا** [1].\n\n', 'تحتاج إلى:\n\n', '1. مزيل الترسبات `DS-9` [2]\n', '2. نصف لتر من الماء البارد\n\n', '| المادة | السعر |\n|---|---:|\n| DS-9 | 9.50 EUR |\n\n', 'المزيد في [الدليل](https://example.com/manual).'],
  },
};

export const VIEWS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  rtl: { colorScheme: 'light', locale: 'ar', rtl: true },
  'rtl-dark': { colorScheme: 'dark', locale: 'ar', rtl: true },
  mobile: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

/** walk brings the widget of a page into each state and calls look(name). */
export async function walk(api, { page, w, context }, view, look) {
  const texts = TEXTS[view.rtl ? 'ar' : 'en'];
  await w.launcher.waitFor();
  await look('closed');
  await w.open();
  await w.part('suggestion').first().waitFor();
  await look('open');

  const middle = gate();
  api.answer = () => [...texts.answer.slice(0, 3).map((token) => ({ token })), { hold: middle.promise }, ...texts.answer.slice(3).map((token) => ({ token })), { sources: SOURCES }];
  await w.ask(texts.question);
  await w.stop.waitFor();
  await w.in(w.last, 'answer').getByText(view.rtl ? 'الترسبات' : 'descaler').first().waitFor();
  await look('streaming');
  middle.open();
  const answer = await w.ended(1);
  await look('answered');

  await w.in(answer, 'cite').first().click();
  await answer.locator('details[open]').first().waitFor();
  await look('sources');

  await w.in(answer, 'feedback-down').click();
  await w.in(answer, 'feedback-form').waitFor();
  await look('feedback');
  await w.in(answer, 'feedback-send').click();
  await w.in(answer, 'feedback-form').waitFor({ state: 'hidden' });

  const after = gate();
  api.answer = () => [{ token: 'The first attempt at ' }, { wait: 60 }, { restart: 2 }, { token: texts.answer[0] }, { hold: after.promise }];
  await w.ask(texts.question);
  await w.part('restarted').last().waitFor();
  await look('restarted');
  after.open();
  await w.ended(2);

  api.answer = () => [{ token: 'Half of ' }, { error: { code: 'generation_failed', message: 'The answer could not be finished. Try again.' } }];
  await w.ask(texts.question);
  await w.ended(3, /^error$/);
  await look('error');

  api.refuse = (request, path) => (path === '/chat/stream' ? { status: 429, code: 'rate_limited', detail: 'Too many questions.', headers: { 'Retry-After': '38', 'RateLimit-Limit': '100', 'RateLimit-Remaining': '0', 'RateLimit-Reset': '38' } } : undefined);
  await w.ask(texts.question);
  await w.part('countdown').last().waitFor();
  await look('429');
  api.refuse = () => undefined;

  await context.setOffline(true);
  await w.notice.and(page.locator('[data-state=offline]')).waitFor();
  await look('offline');
  await context.setOffline(false);

  await w.part('close').click();
  await w.panel.waitFor({ state: 'hidden' });
}

/** dressed starts a contract server that is configured for a view. */
export async function dressed(view) {
  const api = await contract();
  Object.assign(api.config, TEXTS[view.rtl ? 'ar' : 'en'].config);
  return api;
}
