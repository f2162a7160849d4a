// A click on the image: adds a point there; the second of two clicks reopens the object there instead.

import { insideImage } from "../core/geometry.js";
import { edits } from "../core/prompt.js";

/** @import { Bench, Press } from "./tool.js" */
/** @import { Taps } from "./taps.js" */
/** @typedef {ReturnType<typeof createClicks>} Clicks */

/**
 * @param {Bench} bench
 * @param {Taps} taps
 */
export function createClicks({ state, prompt, prompting, changed }, taps) {
  /**
   * The edit that a press without movement means: a point, or null outside the image.
   * @param {Press} press
   */
  function edit({ start: { on }, exclude }) {
    if (!state.image || !insideImage(state.image, on, 0)) return null;
    return edits.addPoint(on.x, on.y, state.include && !exclude ? 1 : 0);
  }

  return {
    edit,
    /**
     * @param {Press} press
     * @param {number} time
     */
    click(press, time) {
      if (taps.reopens(press, time)) return;
      const adds = edit(press);
      state.selected = null;
      if (!adds) return changed();
      taps.remember(press, time, prompt());
      prompting.edit(adds, time);
    },
  };
}
