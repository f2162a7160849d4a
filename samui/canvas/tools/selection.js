// The selected part of the prompt: the box, or a point by its index. Pure.

import { edits } from "../core/prompt.js";

/** @import { State } from "../core/state.js" */

/**
 * The edit that deletes what is selected, or null.
 * @param {State["selected"]} selected
 */
export function removal(selected) {
  if (selected === null) return null;
  return selected === "box" ? edits.setBox(null) : edits.removePoint(selected);
}
