// The field for the label of the next objects, and the labels offered while one is typed.

import { find } from "./dom.js";

/** @import { State } from "../core/state.js" */
/** @typedef {ReturnType<typeof createLabel>} Label */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {() => void} leave  where the focus goes on Enter
 */
export function createLabel(root, state, leave) {
  const field = find(root, ".label", HTMLInputElement);
  const offered = find(root, "#samui-labels", HTMLDataListElement);
  const used = new Set();
  /** @type {number | null} */
  let shownActive = null;
  let shown = "";

  /**
   * Offer a label from now on.
   * @param {string} text
   */
  function remember(text) {
    if (!text || used.has(text)) return;
    used.add(text);
    offered.append(new Option(text, text));
  }

  field.addEventListener("change", () => remember(field.value.trim()));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") leave();
  });

  return {
    remember,
    text: () => field.value.trim(),
    /** Typed text stays, for other images too, until the server says otherwise or a labelled object is reopened. */
    update() {
      const reopened = state.active !== null && state.active !== shownActive;
      shownActive = state.active;
      if (!reopened && state.label === shown) return;
      if (reopened || state.label) field.value = state.label;
      shown = state.label;
    },
  };
}
