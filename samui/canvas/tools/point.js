// A point of the prompt: a drag moves it, a click selects it, a long press deletes it.

import { clampPoint, hitPoint } from "../core/geometry.js";
import { edits } from "../core/prompt.js";
import { removal } from "./selection.js";

/** @import { Bench, Press, Tool } from "./tool.js" */
/** @import { Taps } from "./taps.js" */

/**
 * @param {Bench} bench
 * @param {Taps} taps
 * @returns {Tool}
 */
export function createPointTool({ state, prompt, prompting, changed }, taps) {
  /** @param {Press} press */
  function edit({ moved, target, to }) {
    if (!moved || !state.image) return null;
    const inside = clampPoint(state.image, to);
    return edits.movePoint(target, inside.x, inside.y);
  }

  return {
    find({ at, grasp }) {
      const index = hitPoint(prompt().points, state.view, at.x, at.y, grasp);
      return index < 0 ? null : index;
    },
    edit,
    hold: ({ target }) => removal(target),
    release(press, time) {
      const moves = edit(press);
      if (moves) return prompting.edit(moves, time);
      if (taps.reopens(press, time)) return;
      state.selected = press.target;
      changed();
    },
    cursor: () => "grab",
  };
}
