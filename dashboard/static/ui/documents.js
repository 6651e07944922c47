// The documents of the chosen website: uploads under way, then what the
// server knows, kept current by the live feed.

import { api } from './http.js';
import { announce, byId, count, el, formatBytes, icon, setText, showError } from './dom.js';
import { uploadFile } from './upload.js';

const PARALLEL_UPLOADS = 2;

const LABEL = {
  uploading: 'Uploading', queued: 'Waiting', parsing: 'Reading', chunking: 'Splitting', embedding: 'Indexing',
  storing: 'Saving', ready: 'Ready', failed: 'Failed', cancelled: 'Cancelled', deleting: 'Deleting',
};
const ENDED = new Set(['ready', 'failed', 'cancelled']);

/** newer picks the later state of a document: lists and deltas may cross. */
export function newer(a, b) {
  if (!a || !b) return a ?? b;
  if (a.version !== b.version) return a.version > b.version ? a : b;
  return Date.parse(a.updatedAt) > Date.parse(b.updatedAt) ? a : b;
}

function created(document) {
  return Date.parse(document.createdAt);
}

class Row {
  #name = el('span', { class: 'row-name' });
  #status = el('span', { class: 'status' });
  #meta = el('p', { class: 'row-meta' });
  #stage = el('p', { class: 'row-stage' });
  #bar = el('progress', { max: 100 });
  #error = el('p', { class: 'row-error' });

  constructor() {
    this.actions = el('div', { class: 'row-actions' });
    this.element = el('li', { class: 'row' },
      el('div', { class: 'row-head' }, this.#name, this.#status, this.actions), this.#meta, this.#stage, this.#bar, this.#error);
  }

  update({ name, status, label, meta, stage, progress, error }) {
    this.element.dataset.status = status;
    setText(this.#name, name);
    this.#name.title = name;
    setText(this.#status, label);
    setText(this.#meta, meta);
    setText(this.#stage, stage);
    this.#stage.hidden = !stage;
    this.#bar.hidden = progress === null;
    if (progress !== null) this.#bar.value = progress;
    this.#bar.setAttribute('aria-label', `Progress of ${name}`);
    if (this.#error.dataset.text !== error) {
      this.#error.dataset.text = error;
      this.#error.replaceChildren(...(error ? [icon('alert'), el('span', {}, error)] : []));
    }
    this.#error.hidden = !error;
  }
}

export class DocumentsView {
  #client = null;
  #documents = new Map(); // id -> Document
  #rows = new Map(); // id -> Row
  #cursor = '';
  #loaded = false;
  #queue = [];
  #sending = 0;
  #inFlight = new Set(); // uploads whose answer has not come yet
  #uploads = byId('uploads');
  #list = byId('document-list');
  #stopUploads = new AbortController();
  #on;

  /** on.ready(n) tells how many documents can be asked about. */
  constructor(on) {
    this.#on = on;
    const input = byId('files');
    byId('choose').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      this.#add(input.files);
      input.value = '';
    });
    byId('documents-more').addEventListener('click', () => this.#load(this.#cursor));
    this.#acceptDrops(byId('drop'));
  }

  async show(client) {
    this.#stopUploads.abort();
    this.#stopUploads = new AbortController();
    this.#client = client;
    this.#documents.clear();
    this.#rows.clear();
    this.#cursor = '';
    this.#loaded = false;
    this.#queue = [];
    this.#inFlight.clear();
    this.#list.replaceChildren();
    this.#uploads.replaceChildren();
    showError(byId('documents-error'), '');
    this.#draw();
    if (client) await this.#load('');
  }

  /** snapshot takes the feed's first page: newer states and what has gone. */
  snapshot(clientId, documents) {
    if (clientId !== this.#client?.id) return;
    const listed = new Set(documents.map((document) => document.id));
    const oldest = Math.min(...documents.map(created));
    for (const [id, document] of this.#documents) {
      if (!listed.has(id) && created(document) > oldest) this.#documents.delete(id);
    }
    for (const document of documents) this.#put(document);
    this.#loaded = true;
    this.#draw();
  }

  document(document) {
    if (document.clientId !== this.#client?.id) return;
    const before = this.#documents.get(document.id);
    if (!before) this.#claim(document);
    this.#put(document);
    const after = this.#documents.get(document.id);
    if (before && before.status !== after.status) {
      if (after.status === 'ready') announce(`${after.name} is ready.`);
      if (after.status === 'failed') announce(`${after.name} failed. ${after.error?.message ?? ''}`);
    }
    this.#draw();
  }

  /** claim takes an upload's row away when the feed was faster than the
   * upload's own answer, so that a file is never shown twice. */
  #claim(document) {
    for (const upload of this.#inFlight) {
      if (upload.file.name !== document.name || upload.file.size !== document.size) continue;
      this.#inFlight.delete(upload);
      upload.row.element.remove();
      return;
    }
  }

  /** refresh reads the list once more, for when the feed is away. */
  async refresh() {
    if (this.#client) await this.#load('', true);
  }

  #put(document) {
    this.#documents.set(document.id, newer(this.#documents.get(document.id), document));
  }

  async #load(cursor, quiet = false) {
    const client = this.#client;
    const query = new URLSearchParams({ clientId: client.id });
    if (cursor) query.set('cursor', cursor);
    try {
      const answer = await api('GET', `/api/dashboard/documents?${query}`);
      if (client !== this.#client) return;
      for (const document of answer.documents ?? []) this.#put(document);
      if (!quiet) this.#cursor = answer.nextCursor ?? '';
      this.#loaded = true;
      showError(byId('documents-error'), '');
    } catch (error) {
      if (client === this.#client && !quiet) showError(byId('documents-error'), error.message);
    }
    this.#draw();
  }

  #draw() {
    const documents = [...this.#documents.values()].sort((a, b) => created(b) - created(a) || (a.id < b.id ? 1 : -1));
    for (const [id, row] of this.#rows) {
      if (this.#documents.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    let place = this.#list.firstElementChild;
    for (const document of documents) {
      let row = this.#rows.get(document.id);
      if (!row) {
        row = new Row();
        this.#rows.set(document.id, row);
      }
      row.update(describe(document));
      if (row.element === place) place = place.nextElementSibling;
      else this.#list.insertBefore(row.element, place);
    }
    this.#list.hidden = documents.length === 0;
    this.#uploads.hidden = this.#uploads.childElementCount === 0;
    byId('documents-empty').hidden = !this.#loaded || documents.length > 0 || !this.#uploads.hidden;
    byId('documents-more').hidden = !this.#cursor;
    this.#on.ready(documents.filter((document) => document.status === 'ready').length, documents.length, this.#loaded);
  }

  #acceptDrops(zone) {
    let depth = 0; // dragenter and dragleave also fire for every child
    const mark = (change) => {
      depth = Math.max(0, depth + change);
      zone.classList.toggle('over', depth > 0);
    };
    zone.addEventListener('dragenter', (event) => {
      event.preventDefault();
      mark(1);
    });
    zone.addEventListener('dragleave', () => mark(-1));
    zone.addEventListener('drop', (event) => {
      mark(-depth);
      this.#add(event.dataTransfer.files);
    });
    // A file dropped beside the zone must not replace the page.
    for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault());
  }

  #add(files) {
    for (const file of files) {
      const row = new Row();
      this.#uploads.append(row.element);
      row.update(uploading(file, 'Waiting to be sent', 0));
      this.#queue.push({ file, row, client: this.#client });
    }
    this.#draw();
    this.#send();
  }

  async #send() {
    while (this.#sending < PARALLEL_UPLOADS && this.#queue.length > 0) {
      this.#sending++;
      this.#sendOne(this.#queue.shift()).finally(() => {
        this.#sending--;
        this.#send();
      });
    }
  }

  async #sendOne(upload) {
    const { file, row, client } = upload;
    row.update(uploading(file, 'Sending', 0));
    this.#inFlight.add(upload);
    try {
      const document = await uploadFile({
        clientId: client.id, file, signal: this.#stopUploads.signal,
        progress: (fraction) => row.update(uploading(file, fraction < 1 ? `Sending, ${Math.floor(fraction * 100)} %` : 'Sent, waiting for the server', fraction * 100)),
      });
      this.#inFlight.delete(upload);
      row.element.remove();
      if (client === this.#client) this.document(document);
    } catch (error) {
      this.#inFlight.delete(upload);
      if (error.code === 'aborted') return;
      row.update({ ...uploading(file, '', null), status: 'refused', label: 'Not uploaded', error: error.message });
      const dismiss = el('button', { class: 'quiet icon-only', type: 'button', 'aria-label': `Dismiss ${file.name}` }, icon('close'));
      dismiss.addEventListener('click', () => {
        row.element.remove();
        this.#draw();
        byId('choose').focus();
      });
      row.actions.replaceChildren(dismiss);
      announce(`${file.name} was not uploaded. ${error.message}`);
    }
    this.#draw();
  }
}

function uploading(file, stage, progress) {
  return { name: file.name, status: 'uploading', label: 'Uploading', meta: formatBytes(file.size), stage, progress, error: '' };
}

function describe(document) {
  const ended = ENDED.has(document.status);
  const meta = [document.type?.toUpperCase(), formatBytes(document.size)];
  if (document.status === 'ready') meta.push(count(document.chunksTotal, 'passage'));
  if (document.version > 1) meta.push(`version ${document.version}`);
  return {
    name: document.name,
    status: document.status,
    label: LABEL[document.status] ?? document.status,
    meta: meta.filter(Boolean).join(' · '),
    stage: ended ? '' : document.stage,
    progress: ended ? null : document.progress,
    error: document.error?.message ?? '',
  };
}
