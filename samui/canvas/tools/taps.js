// Clicks that follow each other: two at one place reopen the object there, and undo what the first one did.

import { objectAt } from "../core/objects.js";

/** @import { At } from "../core/geometry.js" */
/** @import { Prompt } from "../core/messages.js" */
/** @import { Bench, Press } from "./tool.js" */
/** @typedef {ReturnType<typeof createTaps>} Taps */

const DOUBLE = { time: 400, distance: 6 }; // ms and CSS px between the clicks of a double click

/** @param {Bench} bench */
export function createTaps({ state, prompting }) {
  /** @type {{time: number, at: At, before: Prompt} | null} */
  let last = null;

  /**
   * @param {Press} press
   * @param {number} time
   */
  function isSecond({ start: { at } }, time) {
    if (!last || time - last.time >= DOUBLE.time) return false;
    return Math.hypot(at.x - last.at.x, at.y - last.at.y) < DOUBLE.distance;
  }

  return {
    isSecond,
    /**
     * This may be the first of two clicks.
     * @param {Press} press
     * @param {number} time
     * @param {Prompt} before  the prompt without it
     */
    remember({ start: { at } }, time, before) {
      last = { time, at, before };
    },
    forget() {
      last = null;
    },
    /**
     * Reopen the object under a click if it is the second of two; returns whether it was.
     * @param {Press} press
     * @param {number} time
     */
    reopens(press, time) {
      if (!last || press.start.button !== 0 || !isSecond(press, time)) return false;
      const object = objectAt(state.objects, press.start.on);
      if (!object) return false;
      const { before } = last;
      last = null;
      prompting.reopen(object.id, time, before);
      return true;
    },
  };
}
