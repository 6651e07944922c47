// Keeps what was typed into a dialog's form from being lost by accident:
// Escape (or a phone's way back) has to be repeated, leaving the page is asked
// about. Cancel is a decision, and discards at once.

import { setText } from './dom.js';

/** guardUnsaved watches the dialog; dirty() tells whether something would be lost. */
export function guardUnsaved(dialog, slot, dirty) {
  let warned = false;
  const forget = () => {
    warned = false;
    setText(slot, '');
  };
  dialog.addEventListener('cancel', (event) => {
    if (event.target !== dialog || warned || !dirty()) return;
    event.preventDefault();
    warned = true;
    setText(slot, 'Your changes are not saved. Save them, or close again to discard them.');
    slot.scrollIntoView({ block: 'nearest' });
  });
  dialog.addEventListener('input', forget);
  dialog.addEventListener('close', forget);
  window.addEventListener('beforeunload', (event) => {
    if (dialog.open && dirty()) event.preventDefault();
  });
}
