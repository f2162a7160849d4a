// The word at the end of the status line: saved, saving, not saved.

import { find, setText } from "./dom.js";

/** @import { Saved } from "../work/saved.js" */

/**
 * @param {HTMLElement} root
 * @param {() => Saved} told
 */
export function createSavedText(root, told) {
  const place = find(root, ".kept");
  return {
    update() {
      const { kind, text, why } = told();
      place.dataset.kind = kind;
      setText(find(place, ".kept-text"), text);
      place.title = why ? `Not saved: ${why}. It is tried again by itself.` : "";
    },
  };
}
