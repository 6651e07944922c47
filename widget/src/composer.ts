// Where a question is written: 1 to 2000 code points, as the server counts.

import { button, h } from './dom.ts';
import { Text, type Texts } from './text.ts';

const MOST = 2000;
const NEAR = 1800; // the counter appears

export interface Composer {
  readonly element: HTMLElement;
  readonly input: HTMLTextAreaElement;
  /** busy swaps send and stop. */
  busy(on: boolean): void;
}

export const composer = (texts: Texts, placeholder: string, ask: (text: string) => void, cancel: () => void): Composer => {
  let busy = false;
  const counter = h('span', { cc: 'counter', id: 'counter', hidden: true });
  const send = button('send', texts(Text.iconSend), texts(Text.send), () => submit());
  const stop = button('stop', texts(Text.iconStop), texts(Text.stop), () => {
    input.focus();
    cancel();
  });
  stop.hidden = true;

  const check = (): boolean => {
    const length = [...input.value].length;
    counter.hidden = length <= NEAR;
    counter.textContent = texts(Text.length, length);
    const wrong = length > MOST;
    input.setAttribute('aria-invalid', wrong);
    const fits = !wrong && /\S/.test(input.value);
    send.setAttribute('aria-disabled', !fits);
    return fits;
  };
  const submit = () => {
    if (busy || !check()) return;
    const text = input.value.trim();
    input.value = '';
    check();
    input.focus();
    ask(text);
  };
  const input = h('textarea', {
    cc: 'input', rows: 1, placeholder: placeholder || texts(Text.input), 'aria-label': texts(Text.input), 'aria-describedby': 'counter', enterkeyhint: 'send',
    input: check,
    keydown(event: KeyboardEvent) {
      // While an input method composes, Enter takes its suggestion (229: Safari).
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
        event.preventDefault();
        submit();
      }
    },
  });
  check();
  return {
    element: h('div', { cc: 'composer' }, input, counter, send, stop),
    input,
    busy(on) {
      const focused = (send.getRootNode() as ShadowRoot).activeElement;
      busy = on;
      send.hidden = on;
      stop.hidden = !on;
      if (focused === stop || focused === send) input.focus();
    },
  };
};
