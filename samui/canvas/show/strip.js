// The strip of candidates, each with its thumbnail and score.

import { offered } from "../core/state.js";
import { context2d, find, press, setText } from "./dom.js";
import { ACTIVE_COLOUR } from "./colours.js";
import { drawThumbnail } from "./picture.js";

/** @import { State } from "../core/state.js" */
/** @import { View } from "./view.js" */

const THUMB = { width: 96, height: 72 }; // CSS px

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {View} view
 * @param {(index: number) => void} choose
 */
export function createStrip(root, state, view, choose) {
  const strip = find(root, ".candidates");
  const slots = [0, 1, 2].map(createSlot);
  let drawn = /** @type {unknown} */ (null); // the candidates whose thumbnails are drawn
  let drawnPlaces = ""; // and which of them

  /** @param {number} index */
  function createSlot(index) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const text = document.createElement("span");
    button.type = "button";
    button.className = "candidate";
    button.disabled = true;
    button.append(canvas, text);
    button.addEventListener("click", () => choose(index));
    strip.append(button);
    return { button, canvas, text };
  }

  return {
    update() {
      const places = offered(state);
      const redraw = drawn !== state.candidates || drawnPlaces !== places.join();
      slots.forEach(({ button, canvas, text }, index) => {
        const candidate = state.candidates[places[index]];
        button.disabled = !candidate;
        press(button, Boolean(candidate) && state.candidate === places[index]);
        const score = candidate ? candidate.score.toFixed(2) : "";
        setText(text, score);
        const name = candidate ? `Candidate ${index + 1}, score ${score}` : `No candidate ${index + 1}`;
        button.setAttribute("aria-label", name);
        if (!redraw) return;
        canvas.width = THUMB.width * state.ratio;
        canvas.height = THUMB.height * state.ratio;
        if (!candidate || !state.image) return;
        drawThumbnail(context2d(canvas), view.picture(), state.image, candidate.thumb, ACTIVE_COLOUR);
      });
      drawn = state.candidates;
      drawnPlaces = places.join();
    },
    /** The picture behind the thumbnails has changed. */
    redraw() {
      drawn = null;
    },
  };
}
