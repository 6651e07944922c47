// The chosen website's widget: the line to paste into its pages, and how it
// looks and where it runs.

import { api } from './http.js';
import { announce, busy, byId, icon, el, showError } from './dom.js';
import { guardUnsaved } from './unsaved.js';

const LISTS = ['suggestedQuestions', 'allowedDomains']; // one entry a line

export class WidgetView {
  #client = null;
  #form = byId('widget-form');
  #dialog = byId('widget-dialog');
  #error = byId('widget-error');
  #version = null; // of the script: its path and integrity
  #opened = ''; // the form's values when it was opened

  constructor() {
    byId('widget-edit').addEventListener('click', () => this.#edit());
    byId('widget-cancel').addEventListener('click', () => this.#dialog.close());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      busy(this.#form, () => this.#save());
    });
    guardUnsaved(this.#dialog, byId('widget-unsaved'), () => JSON.stringify(this.#values()) !== this.#opened);
    for (const name of ['snippet', 'snippet-pinned']) {
      byId(`${name}-copy`).addEventListener('click', (event) => copy(event.currentTarget, byId(name)));
    }
  }

  async show(client) {
    this.#client = client;
    this.#dialog.close();
    if (!client) return;
    byId('snippet').textContent = script(`${location.origin}/widget.js`, client);
    byId('pinned').hidden = true;
    try {
      this.#version ??= await api('GET', '/widget.json');
    } catch {
      return; // the plain line is enough
    }
    if (this.#client !== client) return;
    byId('snippet-pinned').textContent = script(`${location.origin}${this.#version.script}`, client, [`integrity="${this.#version.integrity}"`, 'crossorigin']);
    byId('pinned').hidden = false;
  }

  async #edit() {
    const client = this.#client;
    let widget;
    showError(byId('widget-load-error'), '');
    try {
      widget = await api('GET', `/api/dashboard/widget/${client.id}`);
    } catch (error) {
      showError(byId('widget-load-error'), error.message);
      return;
    }
    if (this.#client !== client) return;
    showError(this.#error, '');
    for (const field of this.#form.elements) {
      if (field.name in widget) field.value = LISTS.includes(field.name) ? widget[field.name].join('\n') : widget[field.name];
    }
    this.#opened = JSON.stringify(this.#values());
    this.#dialog.showModal();
  }

  #values() {
    const widget = {};
    for (const { name, value } of this.#form.elements) {
      if (name) widget[name] = LISTS.includes(name) ? value.split('\n').map((line) => line.trim()).filter(Boolean) : value.trim();
    }
    return widget;
  }

  async #save() {
    const widget = this.#values();
    showError(this.#error, '');
    try {
      await api('PUT', `/api/dashboard/widget/${this.#client.id}`, widget);
    } catch (error) {
      showError(this.#error, error.message);
      this.#error.scrollIntoView({ block: 'nearest' });
      return;
    }
    this.#dialog.close();
    announce('Widget saved. Pages show it within a minute.');
  }
}

/** script writes the element to paste; a key has no character that HTML would read differently. */
function script(address, client, more = []) {
  return `<script ${['async', `src="${address}"`, `data-key="${client.publishableKey}"`, ...more].join(' ')}></${'script'}>`;
}

async function copy(button, source) {
  if (button.dataset.copied) return;
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without https there may be no clipboard: select the text instead.
    getSelection().selectAllChildren(source);
    announce('The line is selected. Copy it with your keyboard.');
    return;
  }
  const before = [...button.childNodes];
  button.dataset.copied = 'true';
  button.replaceChildren(icon('check'), el('span', {}, 'Copied'));
  announce('Line copied.');
  setTimeout(() => {
    button.replaceChildren(...before);
    delete button.dataset.copied;
  }, 1600);
}
