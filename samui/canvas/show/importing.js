// The dialog that tells what a file of masks holds, before anything of it is taken over.

import { find, setText } from "./dom.js";

/** @typedef {ReturnType<typeof createImportDialog>} ImportDialog */

/**
 * @param {HTMLElement} root
 * @param {() => void} apply
 * @param {() => void} cancel
 */
export function createImportDialog(root, apply, cancel) {
  const dialog = find(root, ".import-dialog", HTMLDialogElement);
  const told = find(dialog, ".import-told");
  const add = find(dialog, ".import-apply", HTMLButtonElement);
  const close = find(dialog, ".import-cancel", HTMLButtonElement);

  dialog.addEventListener("cancel", cancel); // Escape
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || add.hidden) return;
    event.preventDefault();
    apply();
  });

  return {
    /**
     * Show lines of text, with a button where there is something to add.
     * @param {string[]} lines
     * @param {number} [count]  of objects that can be added
     */
    show(lines, count = 0) {
      setText(told, lines.join("\n"));
      add.hidden = count === 0;
      setText(add, count === 1 ? "Add 1 object" : `Add ${count} objects`);
      setText(close, count ? "Cancel" : "Close");
      if (!dialog.open) dialog.showModal();
      (count ? add : close).focus();
    },
    close: () => dialog.close(),
  };
}
