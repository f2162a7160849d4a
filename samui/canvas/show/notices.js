// Messages over the picture, and the current step of long work.

import { bytesText } from "../core/texts.js";
import { find, setText } from "./dom.js";

/** @import { State } from "../core/state.js" */
/** @typedef {ReturnType<typeof createNotices>} Notices */

/**
 * @param {HTMLElement} root
 * @param {State} state
 */
export function createNotices(root, state) {
  const error = find(root, ".notice.error");
  const hint = find(root, ".notice.hint");
  const step = find(root, ".step");
  const bar = find(step, ".step-bar", HTMLProgressElement);
  let stepText = "";
  let stepSince = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let stepTimer;

  /**
   * @param {HTMLElement} notice
   * @param {string} text
   */
  function show(notice, text) {
    setText(find(notice, ".notice-text"), text);
    notice.classList.toggle("shown", Boolean(text));
  }

  function tick() {
    setText(find(step, ".step-time"), `${((performance.now() - stepSince) / 1000).toFixed(1)} s`);
  }

  return {
    /**
     * Show a message in the region for errors, or none.
     * @param {string} text
     */
    complain: (text) => show(error, text),
    /**
     * Show a hint, or none.
     * @param {string} text
     * @param {boolean} [back]  offer the way back to the previous image
     */
    advise(text, back = false) {
      find(hint, ".back").hidden = !back;
      show(hint, text);
    },
    /** The shown step of long work, "" if there is none. */
    step: () => stepText,
    /**
     * Show a step of long work with the seconds since it began, or none.
     * @param {string} text
     * @param {{done?: number, total?: number}} [download]  bytes of a step that receives them
     */
    work(text, download) {
      clearInterval(stepTimer);
      step.hidden = !text;
      if (stepText !== text) stepSince = performance.now();
      stepText = text;
      const { done = 0, total = 0 } = download || {};
      setText(find(step, ".step-text"), download ? `${text} ${bytesText({ done, total })}` : text);
      bar.hidden = !download;
      if (total > 0) bar.value = done / total;
      else bar.removeAttribute("value");
      const cancel = find(step, ".step-cancel");
      cancel.hidden = !state.opening && !state.loading && state.stage !== "image" && state.stage !== "encoding";
      cancel.setAttribute("aria-label", state.loading ? "Cancel loading the model" : "Cancel opening the image");
      if (!text) return;
      tick();
      stepTimer = setInterval(tick, 100);
    },
  };
}
