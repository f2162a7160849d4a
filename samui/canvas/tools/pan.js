// Space held, or the middle button: moves the picture.

import { panView } from "../core/geometry.js";

/** @import { Bench, Tool } from "./tool.js" */

/**
 * @param {Bench} bench
 * @param {() => boolean} spaceHeld
 * @returns {Tool}
 */
export function createPan({ view, state }, spaceHeld) {
  return {
    find: ({ button }) => (button === 1 || (button === 0 && spaceHeld()) ? true : null),
    press(press) {
      press.drags = press.moved = true;
      press.target = press.start.at;
    },
    move(press) {
      view.look(panView(state.view, press.at.x - press.target.x, press.at.y - press.target.y));
      press.target = press.at;
    },
    release() {},
    cursor: () => "grabbing",
  };
}
