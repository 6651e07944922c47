// The chosen website's settings: its name, the model that answers, how many
// tokens a month may cost, and how long conversations are kept. Everybody
// sees them, owners and admins change them.

import { api } from './http.js';
import { busy, byId, count, el, setText, showError } from './dom.js';
import { totals } from './chats.js';
import { guardUnsaved } from './unsaved.js';

const FIELDS = ['name', 'model', 'tokenBudget', 'retentionDays'];
const FIELD_OF = {
  name_invalid: 'name', model_invalid: 'model', model_not_allowed: 'model',
  budget_invalid: 'tokenBudget', retention_invalid: 'retentionDays',
};
// The server's own sentences name the members of its JSON.
const SENTENCE = {
  budget_invalid: 'Enter a whole number such as 1,000,000, or leave the field empty for no limit.',
  retention_invalid: 'Enter a whole number of days from 1 to 3,650, or leave the field empty to keep conversations.',
};

const number = (n) => n.toLocaleString('en');

/**
 * whole reads a whole number as people write one, with or without groups of
 * three: null if there is nothing, and the text itself if it is no number that
 * JavaScript counts exactly. The server then says what is wrong.
 */
export function whole(text) {
  const trimmed = text.trim();
  if (!trimmed) return null;
  const digits = /^\d{1,3}([ \u00a0\u202f,'’]\d{3})+$/.test(trimmed) ? trimmed.replace(/\D/g, '') : trimmed;
  return /^\d+$/.test(digits) && Number.isSafeInteger(Number(digits)) ? Number(digits) : trimmed;
}

/** changes returns those members of now that are not as before. */
export function changes(before, now) {
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => value !== before[name]));
}

/** tierModel names the model of a client that has chosen none. */
export function tierModel(client) {
  return `The ${client.tier} tier’s model`;
}

/** modelText says which model answers. */
export function modelText(client, models) {
  if (!client.model) return tierModel(client);
  if (models.includes(client.model)) return client.model;
  return `${client.model} is not available any more. ${tierModel(client)} answers.`;
}

/** monthsLimit is the smaller of the owner's budget and the operator's ceiling; null if there is neither. */
export function monthsLimit({ tokenBudget = null, tokenCeiling = null }) {
  if (tokenBudget === null) return tokenCeiling;
  return tokenCeiling === null ? tokenBudget : Math.min(tokenBudget, tokenCeiling);
}

/** usedText says what of the month's limit is used; used is null while that is not known. */
export function usedText(client, used) {
  const limit = monthsLimit(client);
  const whose = limit !== null && limit === client.tokenCeiling ? ' (the operator’s limit)' : '';
  if (used === null) return limit === null ? 'No limit' : `${number(limit)} at most${whose}`;
  return limit === null ? `${number(used)} used this month, no limit` : `${number(used)} of ${number(limit)} used this month${whose}`;
}

/** quotaText says how much a website has of what is bounded; '' while that is not known. */
export function quotaText(quotas) {
  if (!quotas) return '';
  const of = ({ used, limit }, text) => (limit === null ? text(used) : `${text(used)} of ${text(limit)}`);
  const mib = (bytes) => `${(bytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: 1 })} MiB`;
  return `${of(quotas.documents, number)} documents, ${of(quotas.bytes, mib)}, ${of(quotas.keys, number)} keys`;
}

/** retentionText says how long conversations are kept. */
export function retentionText(client) {
  return client.retentionDays === null ? 'Kept until they are deleted' : `Kept for ${count(client.retentionDays, 'day')}`;
}

/** budgetNote warns of a limit that stops answers at once. */
export function budgetNote(limit, used) {
  if (typeof limit !== 'number' || used === null || used < limit) return '';
  return 'This month has used more already: visitors get no answers until the next month begins.';
}

/** retentionNote warns of a period that ends for conversations that are there. */
export function retentionNote(days, before) {
  if (typeof days !== 'number' || days < 1 || (before !== null && days >= before)) return '';
  return `Saving deletes conversations that are older than ${count(days, 'day')}, for good.`;
}

export class SettingsView {
  #client = null;
  #models = [];
  #before = null; // the fields when the form was opened
  #used = null; // tokens of this month
  #quotas = null; // what the website has of what is bounded
  #form = byId('settings-form');
  #dialog = byId('settings-dialog');
  #error = byId('settings-error');
  #status = byId('settings-status');
  #on;

  /** on.changed(client) is called with what the server has saved. */
  constructor(on) {
    this.#on = on;
    byId('settings-edit').addEventListener('click', () => this.#edit());
    byId('settings-cancel').addEventListener('click', () => this.#dialog.close());
    this.#form.addEventListener('input', (event) => {
      if (event.target.name) this.#blame(event.target.name, '');
      this.#warn();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      busy(this.#form, () => this.#save());
    });
    guardUnsaved(this.#dialog, byId('settings-unsaved'), () => Object.keys(this.#changes()).length > 0);
  }

  /** show takes the client, or null, and what its model may be. */
  show(client, models = []) {
    this.#client = client;
    this.#models = models;
    this.#used = null;
    this.#quotas = null;
    this.#dialog.close();
    showError(byId('settings-load-error'), '');
    setText(this.#status, '');
    if (!client) return;
    const writer = client.role === 'owner' || client.role === 'admin';
    byId('settings-edit').hidden = !writer;
    byId('settings-readonly').hidden = writer;
    this.#render();
    this.#count(client);
  }

  #render() {
    const client = this.#client;
    setText(byId('settings-show-name'), client.name);
    setText(byId('settings-show-tier'), client.tier === 'paid' ? 'Paid' : 'Free');
    setText(byId('settings-show-model'), modelText(client, this.#models));
    setText(byId('settings-show-tokens'), usedText(client, this.#used));
    setText(byId('settings-show-retention'), retentionText(client));
    byId('settings-quotas').hidden = !this.#quotas;
    setText(byId('settings-show-quotas'), quotaText(this.#quotas));
    const meter = byId('settings-meter');
    const limit = monthsLimit(client);
    meter.hidden = limit === null || this.#used === null;
    if (meter.hidden) return;
    meter.max = limit;
    meter.value = Math.min(this.#used, limit);
  }

  /** #count asks what this calendar month (UTC) has used. */
  async #count(client) {
    const from = `${new Date().toISOString().slice(0, 7)}-01`;
    let usage;
    let fresh;
    try {
      [usage, fresh] = await Promise.all([
        api('GET', `/api/dashboard/usage?${new URLSearchParams({ clientId: client.id, from })}`),
        api('GET', `/api/dashboard/clients/${client.id}`),
      ]);
    } catch {
      return; // the settings can be seen and changed without
    }
    if (client !== this.#client) return;
    const sum = totals(usage.days);
    this.#quotas = fresh.quotas;
    const { budget } = usage; // that of the account is not the website's own
    this.#used = budget && budget.limitedBy !== 'account' ? budget.used : sum.inputTokens + sum.outputTokens;
    this.#render();
    this.#warn();
  }

  async #edit() {
    const client = this.#client;
    const slot = byId('settings-load-error');
    showError(slot, '');
    setText(this.#status, '');
    let fresh;
    try {
      [fresh] = await Promise.all([api('GET', `/api/dashboard/clients/${client.id}`), this.#count(client)]);
    } catch (error) {
      showError(slot, error.message);
      return;
    }
    if (this.#client !== client || this.#dialog.open) return;
    this.#changed(fresh);
    this.#before = Object.fromEntries(FIELDS.map((name) => [name, fresh[name]]));
    this.#fill(fresh);
    showError(this.#error, '');
    for (const name of FIELDS) this.#blame(name, '');
    this.#warn();
    this.#dialog.showModal();
  }

  #fill(client) {
    const fields = this.#form.elements;
    const names = client.model && !this.#models.includes(client.model) ? [client.model, ...this.#models] : this.#models;
    fields.model.replaceChildren(
      el('option', { value: '', textContent: tierModel(client) }),
      ...names.map((name) => el('option', { value: name, textContent: this.#models.includes(name) ? name : `${name} (not available any more)` })),
    );
    byId('settings-model-none').hidden = this.#models.length > 0;
    fields.name.value = client.name;
    fields.model.value = client.model;
    for (const name of ['tokenBudget', 'retentionDays']) fields[name].value = client[name] === null ? '' : number(client[name]);
  }

  #changes() {
    const { name, model, tokenBudget, retentionDays } = this.#form.elements;
    return changes(this.#before, {
      name: name.value.trim(), model: model.value, tokenBudget: whole(tokenBudget.value), retentionDays: whole(retentionDays.value),
    });
  }

  /** #warn says what saving will do that can't be seen from the values. */
  #warn() {
    setText(byId('settings-used'), this.#used === null ? '' : `${count(this.#used, 'token')} used this month.`);
    if (!this.#before) return;
    const now = this.#changes();
    const deleting = retentionNote(now.retentionDays, this.#before.retentionDays);
    setText(byId('settings-tokenBudget-note'), budgetNote(now.tokenBudget, this.#used));
    setText(byId('settings-retentionDays-note'), deleting);
    setText(byId('settings-save'), deleting ? 'Save and delete' : 'Save');
  }

  async #save() {
    const wanted = this.#changes();
    showError(this.#error, '');
    for (const name of FIELDS) this.#blame(name, '');
    if (Object.keys(wanted).length === 0) {
      this.#dialog.close();
      setText(this.#status, 'Nothing was changed.');
      return;
    }
    const client = this.#client;
    let saved;
    try {
      saved = await api('PATCH', `/api/dashboard/clients/${client.id}`, wanted.model === '' ? { ...wanted, model: null } : wanted);
    } catch (error) {
      const field = FIELD_OF[error.code];
      if (field) {
        this.#blame(field, SENTENCE[error.code] ?? error.message);
        this.#form.elements[field].focus();
      } else {
        showError(this.#error, error.message);
        this.#error.scrollIntoView({ block: 'nearest' });
      }
      return;
    }
    if (client !== this.#client) return;
    this.#dialog.close();
    this.#changed(saved);
    setText(this.#status, 'Settings saved.');
  }

  #changed(client) {
    this.#on.changed(client);
    this.#render();
  }

  /** #blame puts a sentence beside a field, or takes it away. */
  #blame(name, sentence) {
    const field = this.#form.elements[name];
    showError(byId(`settings-${name}-error`), sentence);
    if (sentence) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }
}
