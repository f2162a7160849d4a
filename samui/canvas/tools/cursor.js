// A cursor on the image that makes the keyboard a pointer: arrows move it, B marks the corners of a box, Space clicks.

import { boxBetween, boxIsMeant, clamp, panView, toImage, toScreen } from "../core/geometry.js";
import { edits } from "../core/prompt.js";

/** @import { At, Size } from "../core/geometry.js" */
/** @import { Bench } from "./tool.js" */
/** @typedef {ReturnType<typeof createCursor>} Cursor */

const STEP = 12; // CSS px that an arrow key moves the cursor
const EDGE = 24; // CSS px from the canvas's border within which the picture moves with the cursor
/** @type {{[key: string]: [number, number]}} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {Bench} bench */
export function createCursor({ state, view, prompting, preview, finding, changed }) {
  /** @returns {At} */
  function middle() {
    const at = toImage(state.view, state.size.width / 2, state.size.height / 2);
    return { x: Math.floor(at.x) + 0.5, y: Math.floor(at.y) + 0.5 };
  }

  /**
   * Move the picture so that the cursor stays in sight.
   * @param {At} cursor
   */
  function follow(cursor) {
    const at = toScreen(state.view, cursor.x, cursor.y);
    const dx = clamp(at.x, EDGE, state.size.width - EDGE) - at.x;
    const dy = clamp(at.y, EDGE, state.size.height - EDGE) - at.y;
    if (dx || dy) view.look(panView(state.view, dx, dy));
  }

  /**
   * @param {Size} image
   * @param {[number, number]} direction
   * @param {boolean} fine  by one image pixel
   */
  function move(image, [across, down], fine) {
    const step = fine ? 1 : STEP / state.view.scale;
    const from = state.cursor || middle();
    // Pixel centres, so that a click at the cursor means the pixel that it stands on.
    const cursor = {
      x: clamp(from.x + across * step, 0.5, image.width - 0.5),
      y: clamp(from.y + down * step, 0.5, image.height - 0.5),
    };
    state.cursor = cursor;
    follow(cursor);
    if (state.corner) state.draft = prompting.withBox(boxBetween(image, state.corner, cursor));
    changed();
    if (state.found.on) finding.over(cursor);
    else preview.ask(cursor);
  }

  return {
    /**
     * What an arrow key does, or null.
     * @param {string} key
     * @param {boolean} fine
     */
    arrow(key, fine) {
      const { image } = state;
      const direction = DIRECTIONS[key];
      return image && direction ? () => move(image, direction, fine) : null;
    },
    /** The first B marks a corner at the cursor, the second draws the box. */
    markCorner() {
      if (!state.image) return;
      const cursor = state.cursor || middle();
      const { corner } = state;
      state.cursor = cursor;
      state.corner = corner ? null : cursor;
      if (corner) {
        state.draft = null;
        const box = boxBetween(state.image, corner, cursor);
        if (boxIsMeant(box, state.view.scale)) {
          state.selected = "box";
          prompting.edit(edits.setBox(box));
        }
      }
      changed();
    },
    /** Forget a corner; whether there was one. */
    dropCorner() {
      if (!state.corner) return false;
      state.corner = null;
      state.draft = null;
      changed();
      return true;
    },
    /**
     * A click at the cursor.
     * @param {boolean} shift  excludes, or selects in everything mode
     * @param {number} time  ms of the event
     */
    click(shift, time) {
      if (!state.cursor) return;
      const { x, y } = state.cursor;
      if (state.found.on) finding.click({ x, y }, { add: shift, twice: false });
      else prompting.edit(edits.addPoint(x, y, state.include && !shift ? 1 : 0), time);
    },
  };
}
