// The websites (clients) of the user: choosing one, creating one, and the key
// of the chosen one. The choice is kept in the page's address.

import { api } from './http.js';
import { announce, busy, byId, el, icon, showError } from './dom.js';

export class ClientsView {
  #models = []; // that a client may choose in this installation
  #paidModels = []; // that one of the paid tier may choose besides
  #clients = [];
  #chosen = null;
  #select = byId('client-select');
  #dialog = byId('client-dialog');
  #on;

  /** on.chosen(client) and on.created(client), in this order for a new one. */
  constructor(on) {
    this.#on = on;
    this.#select.addEventListener('change', () => this.#choose(this.#select.value));
    byId('client-new').addEventListener('click', () => {
      showError(byId('client-form').querySelector('.form-error'), '');
      this.#dialog.showModal();
    });
    byId('client-cancel').addEventListener('click', () => this.#dialog.close());
    this.#creates(byId('client-form'));
    this.#creates(byId('first-client-form'));
    byId('key-copy').addEventListener('click', () => this.#copyKey());
  }

  get chosen() {
    return this.#chosen;
  }

  /** modelsOf lists the models that the client may choose. */
  modelsOf(client) {
    return client.tier === 'paid' ? [...this.#models, ...this.#paidModels] : this.#models;
  }

  async load() {
    const answer = await api('GET', '/api/dashboard/clients');
    this.#clients = answer.clients ?? [];
    this.#models = answer.models ?? [];
    this.#paidModels = answer.paidModels ?? [];
    const wanted = new URLSearchParams(location.search).get('client');
    this.#choose((this.#clients.find((c) => c.id === wanted) ?? this.#clients[0])?.id);
  }

  /** changed takes what the server says a client is like now; the choice stays. */
  changed(client) {
    const known = this.#clients.find((c) => c.id === client.id);
    if (!known) return;
    Object.assign(known, client);
    this.#list();
  }

  clear() {
    this.#clients = [];
    this.#chosen = null;
    this.#dialog.close();
    history.replaceState(null, '', '/');
  }

  #creates(form) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      busy(form, async () => {
        const slot = form.querySelector('.form-error');
        showError(slot, '');
        try {
          const client = await api('POST', '/api/dashboard/clients', { name: form.elements.name.value.trim() });
          form.reset();
          this.#dialog.close();
          this.#clients.push(client);
          this.#choose(client.id);
          this.#on.created(client);
          announce(`Website ${client.name} created.`);
        } catch (error) {
          showError(slot, error.message);
        }
      });
    });
  }

  #choose(id) {
    this.#chosen = this.#clients.find((client) => client.id === id) ?? null;
    const client = this.#chosen;
    byId('first-client').hidden = client !== null;
    byId('panels').hidden = client === null;
    byId('client-bar').hidden = client === null;
    this.#list();
    if (client) {
      history.replaceState(null, '', `/?client=${encodeURIComponent(client.id)}`);
      byId('key-value').textContent = client.publishableKey;
      byId('key-example').textContent = [
        `curl ${location.origin}/chat \\`,
        `  -H 'x-api-key: ${client.publishableKey}' \\`,
        `  -H 'Content-Type: application/json' \\`,
        `  -d '{"message": "What is this about?"}'`,
      ].join('\n');
    }
    this.#on.chosen(client);
  }

  #list() {
    this.#select.replaceChildren(...this.#clients.map((c) => el('option', { value: c.id, textContent: c.name, selected: c === this.#chosen })));
    document.title = this.#chosen ? `${this.#chosen.name} – ChatConnect` : 'ChatConnect';
  }

  async #copyKey() {
    const button = byId('key-copy');
    try {
      await navigator.clipboard.writeText(this.#chosen.publishableKey);
    } catch {
      // Without https there may be no clipboard: select the key instead.
      getSelection().selectAllChildren(byId('key-value'));
      announce('The key is selected. Copy it with your keyboard.');
      return;
    }
    const before = [...button.childNodes];
    if (button.dataset.copied) return;
    button.dataset.copied = 'true';
    button.replaceChildren(icon('check'), el('span', {}, 'Copied'));
    announce('Key copied.');
    setTimeout(() => {
      button.replaceChildren(...before);
      delete button.dataset.copied;
    }, 1600);
  }
}
