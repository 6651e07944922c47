// Puts the page together: who is logged in, which website is chosen, and the
// views that show it.

import { api, ApiError } from './http.js';
import { announce, byId, setText } from './dom.js';
import { AuthView } from './auth.js';
import { ChatView } from './chat.js';
import { ConversationsView } from './chats.js';
import { ClientsView } from './clients.js';
import { DocumentsView } from './documents.js';
import { SettingsView } from './settings.js';
import { WidgetView } from './widget.js';
import { LiveFeed } from './live.js';
import { forgetConversations } from './conversation.js';

const LIVE_TEXT = { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting' };
const POLL = 5000; // while the feed is away
const LOOK = 20_000; // at what is under way: the feed may lose a change, and doesn't tell it again

let user = null;
let poll = 0;

const auth = new AuthView({ entered: () => enter(true) });
const chat = new ChatView();
const widget = new WidgetView();
const conversations = new ConversationsView();
const documents = new DocumentsView({ ready: (ready, all, loaded) => chat.documents(ready, all, loaded) });
const clients = new ClientsView({
  chosen: (client) => {
    documents.show(client);
    widget.show(client);
    chat.show(user, client);
    conversations.show(client);
    settings.show(client, client ? clients.modelsOf(client) : []);
  },
  created: () => {
    live.start(); // the feed of an open connection doesn't know it yet
    byId('choose').focus();
  },
});
const settings = new SettingsView({
  changed: (client) => {
    clients.changed(client);
    conversations.refreshUsage(); // it warns of the budget
  },
});
const live = new LiveFeed({
  snapshot: (clientId, list) => documents.snapshot(clientId, list),
  document: (document) => documents.document(document),
  deleted: (clientId, id) => documents.deleted(clientId, id),
  state: (state) => {
    byId('live').dataset.state = state;
    setText(byId('live-text'), LIVE_TEXT[state]);
    clearInterval(poll);
    if (state === 'reconnecting') poll = setInterval(() => documents.refresh(), POLL);
  },
  refused: () => checkSession(),
});

byId('logout').addEventListener('click', async () => {
  try {
    await api('POST', '/api/auth/logout');
  } catch (error) {
    if (error.status !== 401) {
      announce(error.message);
      return;
    }
  }
  leave();
  auth.focus();
});

/** enter shows the workspace if the browser has a session, else the login. */
async function enter(moveFocus) {
  let me;
  try {
    me = await api('GET', '/api/auth/me');
    user = me.user;
    setText(byId('account-name'), user.name || user.email);
    setText(byId('notice-text'), me.notice ?? '');
    byId('notice').hidden = !me.notice;
    await clients.load();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    await auth.load();
    auth.show(error.status === 401 ? '' : error.message);
    return;
  }
  auth.hide();
  byId('workspace').hidden = false;
  live.start();
  if (moveFocus) byId(clients.chosen ? 'workspace-title' : 'first-client-name').focus();
}

function leave(reason = '') {
  live.stop();
  clearInterval(poll);
  user = null;
  documents.show(null);
  widget.show(null);
  chat.show(null, null);
  conversations.show(null);
  settings.show(null);
  clients.clear();
  forgetConversations();
  byId('workspace').hidden = true;
  auth.show(reason);
}

/** checkSession tells an expired session from a server that is away. */
async function checkSession() {
  try {
    await api('GET', '/api/auth/me');
  } catch (error) {
    if (error.status === 401 && user) {
      leave('Your session has ended. Please log in again.');
      auth.focus();
    }
  }
}

setInterval(() => {
  if (documents.underWay) documents.refresh();
}, LOOK);

enter(false);
