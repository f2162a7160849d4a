// The prompt's box: handles resize it, its body moves it and takes clicks, a long press on a handle deletes it.

import { boxIsMeant, hitBox, moveBox, resizeBox } from "../core/geometry.js";
import { edits } from "../core/prompt.js";
import { removal } from "./selection.js";

/** @import { Bench, Press, Tool } from "./tool.js" */
/** @import { Taps } from "./taps.js" */
/** @import { Clicks } from "./clicks.js" */

/** @type {{[handle: string]: string}} */
const CURSORS = {
  body: "move",
  n: "ns-resize",
  s: "ns-resize",
  e: "ew-resize",
  w: "ew-resize",
  nw: "nwse-resize",
  se: "nwse-resize",
  ne: "nesw-resize",
  sw: "nesw-resize",
};

/**
 * @param {Bench} bench
 * @param {Taps} taps
 * @param {Clicks} clicks
 * @returns {Tool}
 */
export function createBoxTool({ state, prompt, prompting, changed }, taps, clicks) {
  /** @param {Press} press */
  function dragged({ target, before, start: { on }, to }) {
    const { image } = state;
    if (!image || !before.box) return null;
    if (target === "body") return moveBox(image, before.box, to.x - on.x, to.y - on.y);
    return resizeBox(image, before.box, target, to);
  }

  /** @type {NonNullable<Tool["edit"]>} */
  function edit(press) {
    if (!press.moved) return press.target === "body" ? clicks.edit(press) : null;
    const box = dragged(press);
    return box && edits.setBox(box);
  }

  return {
    find({ at, grasp, shift }) {
      const { box } = prompt();
      return (box && !shift && hitBox(box, state.view, at.x, at.y, grasp)) || null;
    },
    edit,
    hold: ({ target }) => (target === "body" ? null : removal("box")),
    release(press, time) {
      if (press.moved) {
        const box = dragged(press);
        if (!box || !boxIsMeant(box, state.view.scale)) return;
        state.selected = "box";
        return prompting.edit(edits.setBox(box), time);
      }
      if (press.target === "body") return clicks.click(press, time);
      if (taps.reopens(press, time)) return;
      state.selected = "box";
      changed();
    },
    cursor: (handle) => CURSORS[handle],
  };
}
