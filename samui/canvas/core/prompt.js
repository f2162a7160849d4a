// The prompt of the object at work, and edits of it. Plain data and pure functions.

/** @import { Box, Point, Prompt } from "./messages.js" */

/** @typedef {(prompt: Prompt) => Prompt} Edit  From a prompt to a prompt, so that it can wait and still hold after an undo. */

/**
 * What the page asks the server for: an edit of the prompt, or an action by name with fields of its own.
 * @typedef {object} Operation
 * @property {Edit} [edit]
 * @property {boolean} [shown]  its mask is painted already
 * @property {string} [action]
 * @property {number} [began]  when its gesture began, ms of performance.now()
 * @property {unknown} [label]
 * @property {unknown} [object]
 * @property {unknown} [visible]
 * @property {unknown} [colour]
 * @property {unknown} [candidate]
 * @property {unknown} [masks]
 * @property {unknown} [mask]
 * @property {unknown} [on]
 * @property {Prompt["points"]} [points]
 * @property {Prompt["box"]} [box]
 * @property {boolean} [close_ups]
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

const EMPTIES = new Set(["clear", "accept", "reset", "reopen"]);

/**
 * Prompt after operations that the server has not answered yet; undo and redo cannot be foreseen.
 * @param {Prompt} base  as the server has it
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
 * Whether anything is asked for.
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
