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
  /** @type {unknown} */
  let image = null;
  let isFresh = true; // the image is new here, and the server has not told a label of it yet

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
    /** @param {string} text  from now on; the same again means none */
    choose(text) {
      field.value = field.value.trim() === text ? "" : text;
      field.dispatchEvent(new Event("change"));
    },
    /** Typed text stays, for other images too, until the server says otherwise or a labelled object is reopened. */
    update() {
      if (state.image !== image) {
        image = state.image;
        isFresh = true;
      }
      const reopened = state.active !== null && state.active !== shownActive;
      shownActive = state.active;
      if (!reopened && state.label === shown) return;
      const stays = isFresh && field.value !== "";
      if (reopened || (state.label && !stays)) field.value = state.label;
      if (state.label) isFresh = false;
      shown = state.label;
    },
  };
}
