// Toolbar and status line: which buttons can be used, and the state of the work.

import { isPrompt } from "../core/prompt.js";
import { statusParts } from "../core/texts.js";
import { find, press, setText } from "./dom.js";

/** @import { Prompt } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {() => Prompt} prompt  the prompt to show
 * @param {() => boolean} busy  whether anything is unanswered
 * @param {(opacity: number) => void} setOpacity  of the masks, from 0 to 1
 */
export function createToolbar(root, state, prompt, busy, setOpacity) {
  const bar = find(root, ".toolbar");
  const status = find(root, ".status");
  const zoom = find(root, ".zoom");
  const range = find(bar, ".opacity-range", HTMLInputElement);
  /** @param {string} name */
  const button = (name) => find(root, `[data-do="${name}"]`, HTMLButtonElement);
  const buttons = {
    undo: button("undo"),
    redo: button("redo"),
    clear: button("clear"),
    accept: button("accept"),
    include: button("include"),
    exclude: button("exclude"),
    everything: button("everything"),
    hover: button("hover"),
    outline: button("outline"),
    snap: button("snap"),
  };
  const zooms = ["zoom-out", "zoom-in", "fit", "actual"].map(button);

  range.addEventListener("input", () => setOpacity(Number(range.value) / 100));
  bar.addEventListener("keydown", moveFocus);

  /**
   * Arrow keys walk along the toolbar, as its role promises.
   * @param {KeyboardEvent} event
   */
  function moveFocus(event) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step || event.target === range) return;
    const all = /** @type {NodeListOf<HTMLButtonElement>} */ (bar.querySelectorAll("button, .opacity-range"));
    const stops = [...all].filter((stop) => !stop.disabled && stop.offsetParent);
    const next = stops[stops.indexOf(/** @type {HTMLButtonElement} */ (event.target)) + step];
    if (next) next.focus();
    event.preventDefault();
  }

  function updateButtons() {
    const { can, image, settings } = state;
    const prompting = isPrompt(prompt());
    buttons.undo.disabled = !image || !(can.undo || busy());
    buttons.redo.disabled = !image || !can.redo;
    buttons.clear.disabled = !prompting && !state.mask;
    buttons.accept.disabled = !(can.accept || prompting);
    for (const each of zooms) each.disabled = !image;
    press(buttons.include, state.include);
    press(buttons.exclude, !state.include);
    buttons.everything.disabled = !image;
    press(buttons.everything, state.found.on);
    press(buttons.hover, state.hovering);
    press(buttons.outline, state.outline);
    press(buttons.snap, state.snap);
    buttons.snap.hidden = !(settings.snap && settings.snap.available);
  }

  return {
    update() {
      updateButtons();
      zoom.textContent = state.image ? `${Math.round(state.view.scale * state.ratio * 100)}%` : "";
      root.dataset.stage = state.stage;
      root.classList.toggle("has-image", Boolean(state.image));
      root.classList.toggle("excluding", !state.include);
      setText(status, statusParts(state).join(" · "));
    },
  };
}
