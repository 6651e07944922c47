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

/** commandsFor lists what can be done with a document in its present state. */
export function commandsFor(document) {
  if (document.status === 'deleting') return [];
  const commands = ['delete'];
  if (document.status === 'failed' || document.status === 'cancelled') commands.unshift('retry');
  else if (!ENDED.has(document.status) && document.status !== 'uploading') commands.unshift('cancel');
  return commands;
}

const COMMANDS = {
  retry: { label: (name) => `Try ${name} again`, icon: 'retry', method: 'POST', path: '/retry' },
  cancel: { label: (name) => `Stop processing ${name}`, icon: 'stop', method: 'POST', path: '/cancel' },
  delete: { label: (name) => `Delete ${name}`, icon: 'trash', method: 'DELETE', path: '' },
};

const STAGE_DONE = { parse: 'read', chunk: 'split', embed: 'indexed', activate: 'saved' };

/** timings says how long the finished stages took: "read 0.4 s · split 0.1 s".
 * A wait worth mentioning is mentioned. */
export function timings(document) {
  const said = [];
  let end = NaN;
  let waited = 0;
  for (const { name, startedAt, ms } of document.stages ?? []) {
    const start = Date.parse(startedAt);
    if (start > end) waited += start - end;
    if (name === 'queue') waited += ms ?? 0;
    else if (STAGE_DONE[name] && ms !== undefined && (name !== 'activate' || ms >= 1000)) said.push(`${STAGE_DONE[name]} ${seconds(ms)}`);
    end = start + (ms ?? NaN);
  }
  if (waited >= 1000 && said.length > 0) said.unshift(`waited ${seconds(waited)}`);
  return said.join(' · ');
}

function seconds(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function created(document) {
  return Date.parse(document.createdAt);
}

class Row {
  #name = el('span', { class: 'row-name' });
  #status = el('span', { class: 'status' });
  #meta = el('p', { class: 'row-meta' });
  #timings = el('p', { class: 'row-timings' });
  #stage = el('p', { class: 'row-stage' });
  #bar = el('progress', { max: 100 });
  #error = el('p', { class: 'row-error' });

  constructor() {
    this.actions = el('div', { class: 'row-actions' });
    this.element = el('li', { class: 'row' },
      el('div', { class: 'row-head' }, this.#name, this.#status, this.actions), this.#meta, this.#stage, this.#bar, this.#timings, this.#error);
  }

  /** offer shows a button for each command. Buttons that stay keep the focus;
   * it moves to the next one when its own goes. */
  offer(commands, name, run) {
    const key = `${commands.join(' ')} ${name}`;
    if (this.actions.dataset.offered === key) return;
    this.actions.dataset.offered = key;
    const focused = this.actions.contains(document.activeElement);
    this.actions.replaceChildren(...commands.map((command) => {
      const { label, icon: picture } = COMMANDS[command];
      const text = label(name);
      const button = el('button', { class: 'quiet icon-only', type: 'button', 'aria-label': text, title: text }, icon(picture));
      button.addEventListener('click', () => run(command, button));
      return button;
    }));
    if (focused) (this.actions.firstElementChild ?? byId('choose')).focus();
  }

  update({ name, status, label, meta, stage, progress, error, timings: took = '' }) {
    this.element.dataset.status = status;
    setText(this.#name, name);
    this.#name.title = name;
    setText(this.#status, label);
    setText(this.#meta, meta);
    setText(this.#stage, stage);
    this.#stage.hidden = !stage;
    setText(this.#timings, took);
    this.#timings.hidden = !took;
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
  #gone = new Set(); // ids the feed has called deleted
  #deleting = ''; // id the dialog asks about
  #dialog = byId('delete-dialog');
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
    this.#dialog.addEventListener('close', () => {
      if (this.#dialog.returnValue === 'delete') this.#command(this.#deleting, 'delete');
    });
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
    this.#gone.clear();
    this.#dialog.close();
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
    const oldest = documents.length > 0 ? Math.min(...documents.map(created)) : -Infinity;
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
      if (after.status === 'ready') announce(after.error ? `${after.name} stays as it was. ${after.error.message}` : `${after.name} is ready.`);
      if (after.status === 'failed') announce(`${after.name} failed. ${after.error?.message ?? ''}`);
    }
    this.#draw();
  }

  /** deleted takes a document away for good, whatever may still arrive of it. */
  deleted(clientId, id) {
    if (clientId !== this.#client?.id) return;
    this.#gone.add(id);
    const document = this.#documents.get(id);
    if (!document) return;
    const row = this.#rows.get(id);
    if (row?.element.contains(globalThis.document.activeElement)) byId('choose').focus();
    this.#documents.delete(id);
    announce(`${document.name} was deleted.`);
    this.#draw();
  }

  /** ask does what a row's button says, but asks before it deletes. */
  #ask(id, command) {
    if (command !== 'delete') {
      this.#command(id, command);
      return;
    }
    this.#deleting = id;
    setText(byId('delete-text'), `${this.#documents.get(id)?.name ?? 'The document'} will no longer be used for answers. This can’t be undone.`);
    this.#dialog.returnValue = 'keep';
    this.#dialog.showModal();
  }

  async #command(id, command) {
    const client = this.#client;
    const { method, path } = COMMANDS[command];
    showError(byId('documents-error'), '');
    try {
      const document = await api(method, `/api/dashboard/documents/${id}${path}`);
      if (client === this.#client && document) this.document(document);
    } catch (error) {
      if (client !== this.#client) return;
      if (command === 'delete' && error.status === 404) this.deleted(client.id, id);
      else showError(byId('documents-error'), error.message);
    }
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

  /** underWay says whether something is expected to change by itself. */
  get underWay() {
    return [...this.#documents.values()].some(({ status }) => !ENDED.has(status));
  }

  /** refresh reads the list once more, for when the feed is away. */
  async refresh() {
    if (this.#client) await this.#load('', true);
  }

  #put(document) {
    if (this.#gone.has(document.id)) return;
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
      if (cursor === '') this.#forgetDeleted(answer);
      if (!quiet) this.#cursor = answer.nextCursor ?? '';
      this.#loaded = true;
      showError(byId('documents-error'), '');
    } catch (error) {
      if (client === this.#client && !quiet) showError(byId('documents-error'), error.message);
    }
    this.#draw();
  }

  /** forgetDeleted drops what was being deleted and is no longer listed, for
   * when the feed is away. */
  #forgetDeleted({ documents = [], nextCursor }) {
    const listed = new Set(documents.map((document) => document.id));
    const oldest = nextCursor ? Math.min(...documents.map(created)) : -Infinity;
    for (const document of [...this.#documents.values()]) {
      if (document.status === 'deleting' && !listed.has(document.id) && created(document) > oldest) this.deleted(document.clientId, document.id);
    }
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
      row.offer(commandsFor(document), document.name, (command) => this.#ask(document.id, command));
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
      const { document, duplicate } = await uploadFile({
        clientId: client.id, file, signal: this.#stopUploads.signal,
        progress: (fraction) => row.update(uploading(file, fraction < 1 ? `Sending, ${Math.floor(fraction * 100)} %` : 'Sent, waiting for the server', fraction * 100)),
      });
      this.#inFlight.delete(upload);
      if (client === this.#client) this.document(document);
      if (duplicate) this.#refuse(row, file, 'Already there', `The same file is there already: ${document.name}.`);
      else row.element.remove();
    } catch (error) {
      this.#inFlight.delete(upload);
      if (error.code === 'aborted') return;
      this.#refuse(row, file, 'Not uploaded', error.message);
      announce(`${file.name} was not uploaded. ${error.message}`);
    }
    this.#draw();
  }

  /** refuse leaves an upload's row with the reason, until it is dismissed. */
  #refuse(row, file, label, message) {
    row.update({ ...uploading(file, '', null), status: 'refused', label, error: message });
    const dismiss = el('button', { class: 'quiet icon-only', type: 'button', 'aria-label': `Dismiss ${file.name}` }, icon('close'));
    dismiss.addEventListener('click', () => {
      row.element.remove();
      this.#draw();
      byId('choose').focus();
    });
    row.actions.replaceChildren(dismiss);
  }
}

function uploading(file, stage, progress) {
  return { name: file.name, status: 'uploading', label: 'Uploading', meta: formatBytes(file.size), stage, progress, error: '' };
}

function describe(document) {
  const ended = ENDED.has(document.status);
  const meta = [document.type?.toUpperCase(), formatBytes(document.size)];
  if (document.status === 'ready') meta.push(count(document.chunksTotal, 'passage'));
  if (document.version > 1 && !(document.status === 'ready' && document.error)) meta.push(`version ${document.version}`);
  return {
    name: document.name,
    status: document.status,
    label: LABEL[document.status] ?? document.status,
    meta: meta.filter(Boolean).join(' · '),
    stage: ended ? '' : document.stage,
    progress: ended ? null : document.progress,
    error: document.error?.message ?? '',
    timings: timings(document),
  };
}
