// Two fingers: zoom and move the picture, whatever the first finger was about to do.

import { pinchView, scaleRange } from "../core/geometry.js";

/** @import { At } from "../core/geometry.js" */
/** @import { Bench, Tool } from "./tool.js" */

/**
 * @param {Bench} bench
 * @returns {Tool}
 */
export function createPinch({ view, state }) {
  return {
    find: () => null, // it is chosen by the number of fingers, not by place
    press(press) {
      press.drags = press.moved = true;
      press.target = press.fingers;
    },
    move(press) {
      /** @type {At[]} */
      const [a, b] = press.target;
      const [c, d] = press.fingers;
      press.target = press.fingers;
      if (press.fingers.length !== 2 || !b || !state.image) return;
      view.look(pinchView(state.view, a, b, c, d, scaleRange(state.image, state.size, state.ratio)));
    },
    release() {},
    cursor: () => "",
  };
}
