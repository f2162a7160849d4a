// The prompt of the object at work, and edits of it. Plain data and pure functions.

/** @import { Box, Point, Prompt } from "./messages.js" */

/** @typedef {(prompt: Prompt) => Prompt} Edit  From a prompt to a prompt, so that it can wait and still apply after an undo. */

/**
 * What the page asks the server for: an edit of the prompt, or an action by name with fields of its own.
 * @typedef {object} Operation
 * @property {Edit} [edit]
 * @property {boolean} [shown]  its mask is already painted
 * @property {string} [action]
 * @property {string} [op]  its name, by which the server knows it when it comes again
 * @property {number} [began]  when its gesture began, ms of performance.now()
 * @property {unknown} [label]
 * @property {unknown} [object]
 * @property {unknown} [visible]
 * @property {unknown} [colour]
 * @property {unknown} [candidate]
 * @property {unknown} [masks]
 * @property {unknown} [mask]
 * @property {unknown} [on]
 * @property {unknown} [image]  whose objects are copied
 * @property {Prompt["points"]} [points]
 * @property {Prompt["box"]} [box]
 * @property {boolean} [close_ups]
 * @property {unknown} [key]  of the file of masks that is imported
 */

/** @type {Prompt} */
export const EMPTY_PROMPT = Object.freeze({ points: [], box: null });

export const edits = {
  /** @type {(x: number, y: number, label: number) => Edit} */
  addPoint: (x, y, label) => (prompt) => ({ ...prompt, points: [...prompt.points, [x, y, label]] }),
  /** @type {(index: number, x: number, y: number) => Edit} */
  movePoint: (index, x, y) => (prompt) => ({
    ...prompt,
    points: prompt.points.map((point, i) => (i === index ? [x, y, point[2]] : point)),
  }),
  /** @type {(index: number) => Edit} */
  removePoint: (index) => (prompt) => ({ ...prompt, points: prompt.points.filter((_, i) => i !== index) }),
  /** @type {(box: Box | null) => Edit} */
  setBox: (box) => (prompt) => ({ ...prompt, box }),
  /** @type {(whole: Prompt) => Edit} */
  replace: (whole) => () => whole,
};

const EMPTIES = new Set(["clear", "accept", "reset", "reopen", "copy", "import"]);
const APART = new Set(["relabel", "recolour", "show", "delete", "snap", "reject", "restore", "cancel", "found", "state"]);
const CHANGES = new Set(["accept", "delete", "relabel", "recolour", "show", "keep", "merge", "reset", "undo", "redo", "copy", "import"]);

/**
 * Whether an operation builds on those before it, so that it means nothing where one of them was refused.
 * @param {Operation} operation
 */
export function buildsOn({ action }) {
  return !action || !APART.has(action);
}

/**
 * Whether an operation may change what was accepted.
 * @param {Operation} operation
 */
export function changesObjects({ action }) {
  return action !== undefined && CHANGES.has(action);
}

/**
 * Prompt after operations that the server has not answered yet; undo and redo cannot be predicted.
 * @param {Prompt} base  the server's prompt
 * @param {Operation[]} operations
 */
export function foldPrompt(base, operations) {
  let prompt = base;
  for (const { edit, action } of operations) {
    if (edit) prompt = edit(prompt);
    else if (action && EMPTIES.has(action)) prompt = EMPTY_PROMPT;
  }
  return prompt;
}

/**
 * Whether a prompt asks for anything.
 * @param {Prompt} prompt
 */
export function isPrompt({ points, box }) {
  return points.length > 0 || box !== null;
}

/**
 * Whether two prompts are the same.
 * @param {{points?: Point[], box?: Box | null}} a
 * @param {Prompt} b
 */
export function samePrompt(a, b) {
  return JSON.stringify([a.points, a.box]) === JSON.stringify([b.points, b.box]);
}
