// Everything mode: a click keeps or selects the mask under it, a drag moves the picture.

import { EMPTY_PROMPT } from "../core/prompt.js";

/** @import { Bench, Tool } from "./tool.js" */
/** @import { Taps } from "./taps.js" */

/**
 * @param {Bench} bench
 * @param {Taps} taps
 * @param {Tool} pan
 * @returns {Tool}
 */
export function createFoundTool({ state, finding }, taps, pan) {
  return {
    find: () => (state.found.on ? true : null),
    press(press) {
      press.target = press.start.at; // where a drag continues from
    },
    move: pan.move,
    release(press, time) {
      if (press.moved) return;
      const add = press.start.shift;
      const twice = !add && taps.isSecond(press, time);
      if (twice) taps.forget();
      else taps.remember(press, time, EMPTY_PROMPT);
      finding.click(press.start.on, { add, twice });
    },
    cancel: () => finding.over(null),
    over: ({ on }) => finding.over(on),
    cursor: () => (state.found.over === null ? "default" : "pointer"),
  };
}
