// Logging in and creating an account: one form in two modes.

import { api } from './http.js';
import { busy, byId, setText, showError } from './dom.js';

const TEXT = {
  login: { title: 'Log in to ChatConnect', submit: 'Log in', question: 'New here?', other: 'Create an account' },
  register: { title: 'Create your account', submit: 'Create account', question: 'Already registered?', other: 'Log in' },
};

export class AuthView {
  #mode = 'login';
  #form = byId('auth-form');
  #error = byId('auth-error');
  #password = byId('auth-password');

  /** entered() is called after logging in or registering. */
  constructor({ entered }) {
    byId('auth-switch').addEventListener('click', () => {
      this.#setMode(this.#mode === 'login' ? 'register' : 'login');
      byId(this.#mode === 'login' ? 'auth-email' : 'auth-name').focus();
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
        const { name, email, password } = Object.fromEntries(new FormData(this.#form));
        try {
          if (this.#mode === 'register') await api('POST', '/api/auth/register', { name: name.trim(), email: email.trim(), password });
          else await api('POST', '/api/auth/login', { email: email.trim(), password });
        } catch (error) {
          showError(this.#error, error.message);
          return;
        }
        this.#form.reset();
        this.#password.type = 'password';
        byId('auth-reveal').setAttribute('aria-pressed', 'false');
        await entered();
      });
    });
  }

  /** show opens the form, with a reason if the visitor did not ask for it. */
  show(reason = '') {
    this.#setMode('login');
    showError(this.#error, reason);
    byId('auth').hidden = false;
    document.title = 'Log in – ChatConnect';
  }

  hide() {
    byId('auth').hidden = true;
  }

  focus() {
    byId('auth-email').focus();
  }

  #setMode(mode) {
    this.#mode = mode;
    const text = TEXT[mode];
    setText(byId('auth-title'), text.title);
    setText(byId('auth-submit'), text.submit);
    setText(byId('auth-switch-text'), text.question);
    setText(byId('auth-switch'), text.other);
    const registering = mode === 'register';
    byId('auth-name-field').hidden = !registering;
    byId('auth-name').required = registering;
    byId('auth-password-hint').hidden = !registering;
    this.#password.autocomplete = registering ? 'new-password' : 'current-password';
    showError(this.#error, '');
  }
}
