// What the page knows of the folder or the library that its images come from. Plain data and pure functions.

/** @typedef {"todo" | "progress" | "done" | "skipped"} ImageState */

/**
 * An image of the list.
 * @typedef {object} Row
 * @property {string} image  its name at the server
 * @property {string} path  relative to the folder
 * @property {ImageState} state
 * @property {number} objects
 * @property {string} note
 */
/** @typedef {{images: number, objects: number} & Record<ImageState, number>} Counts */
/** @typedef {{state: ImageState | null, label: string | null, name: string}} Filter */

/**
 * A label of the workspace. key: what chooses it together with Alt, "" for none of its own.
 * @typedef {{name: string, colour: string, key: string, objects: number}} Label
 */

/**
 * What `begin` tells of it. last: the image to go on with.
 * @typedef {object} ToldWorkspace
 * @property {"folder" | "library"} kind
 * @property {string} name
 * @property {Counts} counts
 * @property {string | null} last
 * @property {string[]} notes  what a person should know
 */

/**
 * @typedef {object} Workspace
 * @property {"folder" | "library" | null} kind  null: the server keeps nothing
 * @property {string} name
 * @property {Counts} counts
 * @property {Row | null} row  of the open image
 * @property {number | null} at  its place in the folder, from 0
 * @property {Filter} filter
 * @property {Label[]} labels
 * @property {boolean} fixed  no other labels than these
 */

/** @type {{[state in ImageState]: string}} */
export const STATE_NAMES = { todo: "to do", progress: "in progress", done: "done", skipped: "skipped" };
const DIGITS = "123456789";

/** @returns {Workspace} */
export function createWorkspace() {
  return {
    kind: null,
    name: "",
    counts: { images: 0, todo: 0, progress: 0, done: 0, skipped: 0, objects: 0 },
    row: null,
    at: null,
    filter: { state: null, label: null, name: "" },
    labels: [],
    fixed: false,
  };
}

/**
 * Whether a filter leaves anything out.
 * @param {Filter} filter
 */
export function isFiltering({ state, label, name }) {
  return state !== null || label !== null || name !== "";
}

/**
 * "12 of 300".
 * @param {Workspace} workspace
 */
export function placeText({ at, counts }) {
  return at === null ? `${counts.images.toLocaleString("en")} images` : `${at + 1} of ${counts.images.toLocaleString("en")}`;
}

/**
 * "288 to do, 10 done".
 * @param {Counts} counts
 */
export function countsText(counts) {
  const names = /** @type {ImageState[]} */ (Object.keys(STATE_NAMES));
  const parts = names.filter((name) => counts[name] > 0);
  return parts.map((name) => `${counts[name].toLocaleString("en")} ${STATE_NAMES[name]}`).join(" · ");
}

/**
 * The key that chooses each label together with Alt: its own, else the next digit that is nobody's; "" past the ninth.
 * @param {readonly Label[]} labels
 */
export function keysOf(labels) {
  const own = new Set(labels.map(({ key }) => key));
  const free = [...DIGITS].filter((digit) => !own.has(digit));
  return labels.map(({ key }) => key || free.shift() || "");
}

/**
 * The label that a key chooses, or undefined.
 * @param {readonly Label[]} labels
 * @param {string} key
 */
export function labelOfKey(labels, key) {
  const index = keysOf(labels).indexOf(key.toLowerCase());
  return key && index >= 0 ? labels[index] : undefined;
}

/**
 * The names in another order: one of them some places further on.
 * @param {readonly Label[]} labels
 * @param {string} name
 * @param {number} by
 */
export function moved(labels, name, by) {
  const names = labels.map((label) => label.name);
  const from = names.indexOf(name);
  const to = Math.max(0, Math.min(from + by, names.length - 1));
  names.splice(to, 0, ...names.splice(from, 1));
  return names;
}
