// The empty image: a click adds a point, a drag draws a box, and a pointer that rests asks for the mask under it.

import { boxBetween, boxIsMeant, insideImage } from "../core/geometry.js";
import { edits } from "../core/prompt.js";

/** @import { Bench, Press, Tool } from "./tool.js" */
/** @import { Clicks } from "./clicks.js" */

/**
 * @param {Bench} bench
 * @param {Clicks} clicks
 * @returns {Tool}
 */
export function createDraw({ state, prompting, preview }, clicks) {
  /** @param {Press} press */
  function drawn({ start, to }) {
    return state.image && boxBetween(state.image, start.on, to);
  }

  return {
    find: () => true,
    edit(press) {
      if (!press.moved) return clicks.edit(press);
      const box = drawn(press);
      return box && edits.setBox(box);
    },
    release(press, time) {
      if (!press.moved) return clicks.click(press, time);
      const box = drawn(press);
      if (!box || !boxIsMeant(box, state.view.scale)) return;
      state.selected = "box";
      prompting.edit(edits.setBox(box), time);
    },
    over({ on }) {
      if (!state.image || !insideImage(state.image, on, 0)) return preview.leave();
      if (!preview.covers(on)) preview.leave();
      preview.rest(on);
    },
    cursor: () => "crosshair",
  };
}
