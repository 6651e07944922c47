// What visitors asked: the conversations of the chosen website, searched and
// filtered by the server, and how much was asked in the last 30 days.

import { api } from './http.js';
import { byId, count, el, setText, showError } from './dom.js';
import { SourceList } from './sources.js';

const STATUS = { answered: 'Answered', unanswered: 'Unanswered', smalltalk: 'Small talk', handoff_requested: 'Asked for a person', stopped: 'Stopped', failed: 'Failed' };
// How the usage sentence names what was not answered.
const ENDS = { unanswered: 'unanswered', smalltalk: 'small talk', handoffRequested: 'asked for a person', stopped: 'stopped', failed: 'failed' };
const RATING = { up: 'Rated helpful', down: 'Rated not helpful', none: '' };

function when(time) {
  return new Date(time).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
}

/** totals adds up the usage of all days and models. */
export function totals(days) {
  const sum = { questions: 0, answered: 0, unanswered: 0, smalltalk: 0, handoffRequested: 0, stopped: 0, failed: 0, inputTokens: 0, outputTokens: 0, costMicroUsd: 0 };
  for (const day of days) for (const name of Object.keys(sum)) sum[name] += day[name] ?? 0;
  return sum;
}

/** usageText says in a sentence what the last 30 days brought. */
export function usageText(days) {
  const sum = totals(days);
  if (sum.questions === 0) return 'Nothing was asked in the last 30 days.';
  const parts = [`Last 30 days: ${count(sum.questions, 'question')}`, `${sum.answered.toLocaleString('en')} answered`];
  for (const [name, words] of Object.entries(ENDS)) if (sum[name]) parts.push(`${sum[name].toLocaleString('en')} ${words}`);
  const tokens = sum.inputTokens + sum.outputTokens;
  if (tokens) parts.push(count(tokens, 'token'));
  if (sum.costMicroUsd) parts.push(`about $${(sum.costMicroUsd / 1e6).toFixed(2)}`);
  return `${parts.join(', ')}.`;
}

/** budgetText warns of a month's token budget that nears its end; '' if it doesn't. */
export function budgetText(budget) {
  if (!budget?.low) return '';
  const limit = count(budget.limit, 'token') + ({ ceiling: ', set by the operator,', account: ' for all your websites together' }[budget.limitedBy] ?? '');
  if (budget.exhausted) return `This month’s budget of ${limit} is used up: visitors get no answers until the next month begins or the budget is raised.`;
  return `${Math.floor((100 * budget.used) / budget.limit)} % of this month’s budget of ${limit} is used. Once it is used up, visitors get no answers until the next month.`;
}

export class ConversationsView {
  #client = null;
  #cursor = '';
  #turn = 0; // of the latest request: answers to earlier ones are dropped
  #list = byId('visitors-list');
  #filter = byId('visitors-filter');

  constructor() {
    this.#filter.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#load();
    });
    byId('visitors-show').addEventListener('change', () => this.#load());
    byId('visitors-more').addEventListener('click', () => this.#load(this.#cursor));
  }

  show(client) {
    this.#client = client;
    this.#filter.reset();
    this.#list.replaceChildren();
    setText(byId('visitors-usage'), '');
    showError(byId('visitors-budget'), '');
    if (!client) {
      this.#turn++;
      return;
    }
    this.#load();
    this.refreshUsage();
  }

  #query() {
    const query = new URLSearchParams(byId('visitors-show').value);
    query.set('clientId', this.#client.id);
    const search = byId('visitors-search').value.trim();
    if (search) query.set('search', search);
    return query;
  }

  async #load(cursor = '') {
    if (!this.#client) return;
    const turn = ++this.#turn;
    const query = this.#query();
    byId('visitors-export').href = `/api/dashboard/chats?${query}&format=csv`;
    query.set('limit', '20');
    if (cursor) query.set('cursor', cursor);
    let page;
    try {
      page = await api('GET', `/api/dashboard/chats?${query}`);
    } catch (error) {
      if (turn === this.#turn) showError(byId('visitors-error'), error.message);
      return;
    }
    if (turn !== this.#turn) return;
    showError(byId('visitors-error'), '');
    const items = page.conversations.map((conversation) => this.#item(conversation));
    if (cursor) this.#list.append(...items);
    else this.#list.replaceChildren(...items);
    this.#cursor = page.nextCursor ?? '';
    byId('visitors-more').hidden = !this.#cursor;
    byId('visitors-empty').hidden = this.#list.childElementCount > 0;
    if (cursor) items[0]?.querySelector('summary').focus();
  }

  async refreshUsage() {
    const client = this.#client;
    let usage;
    try {
      usage = await api('GET', `/api/dashboard/usage?${new URLSearchParams({ clientId: client.id })}`);
    } catch {
      return; // the list says what is wrong
    }
    if (client !== this.#client) return;
    setText(byId('visitors-usage'), usageText(usage.days));
    showError(byId('visitors-budget'), budgetText(usage.budget));
  }

  #item(conversation) {
    const facts = [when(conversation.lastMessageAt), count(conversation.messages, 'question')];
    if (conversation.up) facts.push(`${conversation.up} helpful`);
    if (conversation.down) facts.push(`${conversation.down} not helpful`);
    const body = el('div', { class: 'said' });
    const details = el('details', { class: 'source' },
      el('summary', {},
        el('span', { class: 'source-name' }, conversation.question, el('span', { class: 'row-meta said-facts' }, facts.join(' · '))),
        el('span', { class: 'status', 'data-said': conversation.status }, STATUS[conversation.status] ?? conversation.status)),
      body);
    details.addEventListener('toggle', () => {
      if (details.open && !body.childElementCount) this.#open(conversation.sessionId, body);
    });
    return el('li', {}, details);
  }

  async #open(sessionId, body) {
    body.replaceChildren(el('p', { class: 'hint' }, 'Loading…'));
    let messages;
    try {
      ({ messages } = await api('GET', `/api/dashboard/chats/${encodeURIComponent(sessionId)}?${new URLSearchParams({ clientId: this.#client.id })}`));
    } catch (error) {
      body.replaceChildren(el('p', { class: 'form-error' }, error.message));
      return;
    }
    body.replaceChildren(...messages.map((message, i) => {
      const sources = new SourceList(`said-${sessionId}-${i}`);
      sources.show(message.sources);
      const facts = [when(message.askedAt), STATUS[message.status], message.model, RATING[message.rating]].filter(Boolean);
      return el('div', { class: 'said-exchange' },
        el('p', { class: 'said-question' }, message.question),
        el('p', { class: 'said-answer' }, message.answer || (message.errorCode ? `No answer (${message.errorCode}).` : 'No answer.')),
        ...(message.comment ? [el('p', { class: 'said-comment' }, `Comment: ${message.comment}`)] : []),
        sources.element,
        el('p', { class: 'row-meta' }, facts.join(' · ')));
    }));
  }
}
