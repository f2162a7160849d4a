// Keys: shortcuts while the canvas or nothing else has the focus.

import { offered } from "../core/state.js";

/** @import { Bench } from "./tool.js" */
/** @import { Cursor } from "./cursor.js" */
/** @import { Pointer } from "./pointer.js" */

/** @typedef {{[name: string]: () => unknown}} Commands  What buttons and keys do, by name. */

/** @type {{[key: string]: string}} */
const WITH_CONTROL = { z: "undo", y: "redo" };
/** @type {{[key: string]: string}} */
const WITH_CONTROL_AND_SHIFT = { z: "redo", y: "redo" };
/** @type {{[key: string]: string}} */
const IN_EVERYTHING_MODE = {
  Escape: "everything",
  Enter: "keep-found",
  Delete: "reject-found",
  Backspace: "reject-found",
  m: "merge-selected",
  r: "refine-found",
  "]": "next-found",
  "[": "previous-found",
  s: "pick-found",
  b: "nothing",
};
/** @type {{[key: string]: string}} */
const ANYWHERE = {
  Enter: "accept",
  Tab: "next-candidate",
  b: "mark-corner",
  Escape: "escape",
  Delete: "remove-selected",
  Backspace: "remove-selected",
  "+": "zoom-in",
  "=": "zoom-in",
  "-": "zoom-out",
  _: "zoom-out",
  0: "actual",
  f: "fit",
  e: "everything",
  x: "toggle-include",
  h: "hover",
  o: "outline",
  "?": "help",
  1: "candidate-1",
  2: "candidate-2",
  3: "candidate-3",
};
/** @type {{[key: string]: string}} */
const IN_A_FOLDER = { d: "next-image", a: "previous-image" };
/** @type {{[key: string]: string}} */
const IN_A_FOLDER_WITH_SHIFT = {
  d: "next-todo",
  a: "previous-todo",
  Enter: "done-and-on",
  s: "skip-and-on",
  v: "copy-objects",
};

/**
 * Where a key is pressed, and in what state of the page.
 * @typedef {object} Place
 * @property {boolean} onCanvas  or nothing has the focus
 * @property {boolean} focused  on the canvas itself
 * @property {boolean} everything  everything mode
 * @property {boolean} image  there is one
 * @property {boolean} choice  there are candidates to choose from
 * @property {boolean} folder  the images are those of a folder
 */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} Stroke */

/** @type {{[key: string]: (place: Place, shift: boolean) => boolean}} */
const ONLY = {
  Tab: ({ focused, choice }, shift) => focused && choice && !shift,
  Enter: ({ onCanvas }) => onCanvas,
  b: ({ onCanvas, image, everything }) => everything || (onCanvas && image),
};

/**
 * Name of the command of a key, or undefined. Pure.
 * @param {Stroke} stroke
 * @param {Place} place
 * @returns {string | undefined}
 */
export function commandOf(stroke, place) {
  const key = stroke.key.length === 1 ? stroke.key.toLowerCase() : stroke.key;
  if (stroke.ctrlKey || stroke.metaKey) return (stroke.shiftKey ? WITH_CONTROL_AND_SHIFT : WITH_CONTROL)[key];
  if (stroke.altKey || (ONLY[key] && !ONLY[key](place, stroke.shiftKey))) return undefined;
  return folderCommand(key, stroke.shiftKey, place) || (place.everything && IN_EVERYTHING_MODE[key]) || ANYWHERE[key];
}

/**
 * @param {string} key
 * @param {boolean} shift
 * @param {Place} place
 */
function folderCommand(key, shift, { folder }) {
  return folder && (shift ? IN_A_FOLDER_WITH_SHIFT : IN_A_FOLDER)[key];
}

/**
 * The character of a key whatever Alt makes of it: that of its place on the board, for digits and letters.
 * @param {Pick<KeyboardEvent, "key" | "code">} stroke
 */
export function keyOf({ key, code }) {
  const [, place] = /^(?:Digit|Numpad|Key)(.)$/.exec(code || "") || [];
  return /^[a-z0-9]$/i.test(key) || !place ? key.toLowerCase() : place.toLowerCase();
}

/**
 * @param {object} parts
 * @param {HTMLElement} parts.root
 * @param {HTMLCanvasElement} parts.canvas
 * @param {Bench} parts.bench
 * @param {Pointer} parts.pointer
 * @param {Cursor} parts.cursor
 * @param {Commands} parts.commands
 * @param {(key: string) => boolean} parts.chooseLabel  by its key; whether there is one
 */
export function createKeys({ root, canvas, bench, pointer, cursor, commands, chooseLabel }) {
  const { state } = bench;
  let spaceClicks = false; // Space went down on the canvas and has not moved the picture since
  /** @type {Commands} */
  const own = {
    escape,
    "remove-selected": pointer.removeSelected,
    "mark-corner": cursor.markCorner,
    nothing() {},
  };

  /**
   * Keys count on the canvas, and when nothing has the focus; elsewhere in the tool only if they do not type text.
   * @param {EventTarget | null} target
   */
  function listens(target) {
    if (!root.isConnected || document.querySelector("dialog[open]")) return false;
    if (target === document.body || target === canvas) return true;
    if (!(target instanceof Element) || !root.contains(target)) return false;
    return !target.closest("input, select, textarea, [contenteditable]");
  }

  /** @param {KeyboardEvent} event */
  function down(event) {
    if (!isOurs(event)) return;
    const focused = event.target === canvas;
    const onCanvas = focused || event.target === document.body;
    const points = onCanvas && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (points && event.key === " ") return holdSpace(event);
    const action = (points && cursor.arrow(event.key, event.shiftKey)) || actionOf(event, { focused, onCanvas });
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** @param {KeyboardEvent} event */
  function isOurs(event) {
    return !event.defaultPrevented && listens(event.target) && !choosesLabel(event);
  }

  /** @param {KeyboardEvent} event */
  function choosesLabel(event) {
    const chooses = event.altKey && !event.ctrlKey && !event.metaKey && chooseLabel(keyOf(event));
    if (chooses) event.preventDefault();
    return chooses;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {{focused: boolean, onCanvas: boolean}} where
   */
  function actionOf(event, where) {
    const { found, image } = state;
    const folder = state.workspace.kind === "folder";
    const choice = offered(state).length > 1;
    const place = { ...where, everything: found.on, image: image !== null, choice, folder };
    const name = commandOf(event, place);
    return name === undefined ? null : own[name] || commands[name];
  }

  function escape() {
    if (cursor.dropCorner() || pointer.cancel()) return;
    if (state.selected !== null) {
      state.selected = null;
      bench.changed();
    }
    commands.clear();
  }

  /** @param {KeyboardEvent} event */
  function holdSpace(event) {
    if (!state.image) return;
    event.preventDefault();
    if (event.repeat) return;
    spaceClicks = true;
    pointer.holdSpace(true);
  }

  /** @param {KeyboardEvent} event */
  function up(event) {
    if (event.key !== " " || !root.isConnected) return;
    const clicks = spaceClicks;
    letSpaceGo();
    if (clicks && listens(event.target)) cursor.click(event.shiftKey, event.timeStamp);
  }

  function letSpaceGo() {
    spaceClicks = false;
    pointer.holdSpace(false);
  }

  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
  canvas.addEventListener("pointerdown", () => {
    spaceClicks = false;
    state.corner = null;
  });
  window.addEventListener("blur", letSpaceGo);
}
