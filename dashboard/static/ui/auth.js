// Logging in, creating an account, and confirming its address: one form.

import { api } from './http.js';
import { busy, byId, setText, showError } from './dom.js';

const LEAD = 'Answers from your own documents, with the source beside them.';
const TEXT = {
  login: { title: 'Log in to ChatConnect', submit: 'Log in', lead: LEAD },
  register: { title: 'Create your account', submit: 'Create account', lead: LEAD },
  verify: { title: 'Confirm your email address', submit: 'Confirm address', lead: 'Enter the password you registered with.' },
  mailed: { title: 'Look into your mailbox', lead: '' },
};
const NO_ACCOUNTS = {
  invite: 'A new account needs an invitation from the operator.',
  closed: 'New accounts are made by the operator.',
};

/** linkOf reads what a mailed link or an invitation has behind its #. */
export function linkOf(hash) {
  const values = new URLSearchParams(hash.replace(/^#/, ''));
  return { invitation: values.get('invitation') ?? '', verification: values.get('verification') ?? '', email: values.get('email') ?? '' };
}

export class AuthView {
  #mode = 'login';
  #form = byId('auth-form');
  #error = byId('auth-error');
  #password = byId('auth-password');
  #email = byId('auth-email');
  #link = linkOf(location.hash);
  #allowed = { mode: 'open', firstAccount: false };

  /** entered() is called after logging in or registering. */
  constructor({ entered }) {
    // The token stays in no history.
    if (this.#link.invitation || this.#link.verification) history.replaceState(null, '', location.pathname);
    byId('auth-switch').addEventListener('click', () => {
      this.#setMode(this.#mode === 'login' ? 'register' : 'login');
      if (this.#mode === 'login') this.#email.focus();
      else byId('auth-name').focus();
    });
    byId('auth-reveal').addEventListener('click', (event) => {
      const shown = this.#password.type === 'password';
      this.#password.type = shown ? 'text' : 'password';
      event.currentTarget.setAttribute('aria-pressed', String(shown));
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      busy(this.#form, async () => {
        showError(this.#error, '');
        let answer;
        try {
          answer = await this.#send(Object.fromEntries(new FormData(this.#form)));
        } catch (error) {
          showError(this.#error, error.message);
          return;
        }
        const email = this.#email.value.trim();
        this.#link = linkOf('');
        this.#form.reset();
        this.#password.type = 'password';
        byId('auth-reveal').setAttribute('aria-pressed', 'false');
        if (answer?.verification) this.#mailed(email);
        else await entered();
      });
    });
  }

  /** load asks which accounts can be made; without an answer any may be tried. */
  async load() {
    try {
      this.#allowed = await api('GET', '/api/auth/registration');
    } catch {
      // Registering says so itself.
    }
  }

  /** show opens the form, with a reason if the visitor did not ask for it. */
  show(reason = '') {
    if (this.#link.verification) this.#setMode('verify');
    else if (this.#link.invitation || this.#allowed.firstAccount) this.#setMode('register');
    else this.#setMode('login');
    if (this.#link.email) this.#email.value = this.#link.email;
    showError(this.#error, reason);
    byId('auth').hidden = false;
    document.title = `${TEXT[this.#mode].submit} – ChatConnect`;
  }

  hide() {
    byId('auth').hidden = true;
  }

  focus() {
    this.#email.focus();
  }

  async #send({ name, email, password }) {
    const { invitation, verification } = this.#link;
    if (this.#mode === 'verify') return api('POST', '/api/auth/verify', { token: verification, password });
    if (this.#mode === 'login') return api('POST', '/api/auth/login', { email: email.trim(), password });
    const account = { name: name.trim(), email: email.trim(), password };
    return api('POST', '/api/auth/register', invitation ? { ...account, invitation } : account);
  }

  /** mailed says where the account waits. */
  #mailed(email) {
    this.#setMode('mailed');
    setText(byId('auth-lead'), `We sent a mail to ${email}. Open the link in it within a day to finish. No mail? Look among the spam, or register again.`);
    byId('auth-title').focus();
  }

  #setMode(mode) {
    this.#mode = mode;
    const text = TEXT[mode];
    const { invitation } = this.#link;
    const { mode: allowed, firstAccount } = this.#allowed;
    const mayRegister = allowed === 'open' || firstAccount || invitation !== '';
    const registering = mode === 'register';
    const away = mode === 'login' && !mayRegister;
    setText(byId('auth-title'), text.title);
    setText(byId('auth-submit'), text.submit ?? '');
    setText(byId('auth-lead'), registering && firstAccount ? 'This installation has no account yet. The first one is yours.'
      : registering && invitation ? 'You are invited. Choose a password for your account.' : text.lead);
    this.#form.hidden = mode === 'mailed';
    setText(byId('auth-switch-text'), away ? NO_ACCOUNTS[allowed] : mode === 'login' ? 'New here?' : registering ? 'Already registered?' : '');
    setText(byId('auth-switch'), mode === 'login' ? 'Create an account' : 'Log in');
    byId('auth-switch').hidden = away;
    byId('auth-name-field').hidden = !registering;
    byId('auth-name').required = registering;
    this.#email.readOnly = mode === 'verify' || (registering && invitation !== '');
    byId('auth-password-hint').hidden = !registering;
    this.#password.autocomplete = registering ? 'new-password' : 'current-password';
    showError(this.#error, '');
  }
}
