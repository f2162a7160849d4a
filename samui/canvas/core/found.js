// The masks that everything mode has found: which are offered, which are shown, which lies under a point. Plain data and
// pure functions; the masks are the server's, the filters are the page's.

import { maskCovers, readMask } from "./mask.js";

/** @import { Box, Step, ToldFound, WireFound } from "./messages.js" */
/** @import { At } from "./geometry.js" */
/** @import { Mask } from "./mask.js" */

/**
 * @typedef {object} FoundMask
 * @property {number} id
 * @property {Mask} mask
 * @property {number} score
 * @property {number} stability
 * @property {number} area
 * @property {Box | null} box
 * @property {string} colour  "#rrggbb"
 */
/** @typedef {{score: number, stability: number, least: number, most: number}} Filters  Areas in image px. */

/**
 * @typedef {object} Found
 * @property {boolean} on  the mode
 * @property {boolean} picking  a plain click selects
 * @property {boolean} running
 * @property {boolean} awaiting  a run was asked for but has not started, since others are ahead of it
 * @property {boolean} asked  for all masks, after a long silence
 * @property {number} run
 * @property {{done: number, total: number, left: number | null} | null} progress  points; left: seconds
 * @property {string} report  how the last run ended
 * @property {Map<number, FoundMask>} masks  by id
 * @property {Set<number>} taken  ids that became objects
 * @property {Set<number>} rejected
 * @property {Filters} filters
 * @property {FoundMask[]} shown  offered masks that pass the filters, largest first, so that small ones lie on top
 * @property {number} offered  how many masks are neither taken nor rejected
 * @property {number | null} over  id under the pointer or cursor
 * @property {Set<number>} selected
 */

const NO_FILTERS = Object.freeze({ score: 0, stability: 0, least: 0, most: Infinity });

/** @returns {Found} */
export function createFound() {
  return {
    on: false,
    picking: false,
    running: false,
    awaiting: false,
    asked: false,
    run: 0,
    progress: null,
    report: "",
    masks: new Map(),
    taken: new Set(),
    rejected: new Set(),
    filters: NO_FILTERS,
    shown: [],
    offered: 0,
    over: null,
    selected: new Set(),
  };
}

/**
 * Forget the masks, and everything about them but the mode and the filters.
 * @param {Found} found
 */
export function forgetFound(found) {
  const { on, picking, filters } = found;
  Object.assign(found, createFound(), { on, picking, filters });
}

/**
 * Add masks as the server writes them, by id; one that is already there is replaced.
 * @param {Found} found
 * @param {WireFound[]} wires
 */
function addFound(found, wires) {
  for (const { mask, ...rest } of wires) {
    found.masks.set(rest.id, { ...rest, area: mask.area, box: mask.box, mask: readMask(mask) });
  }
}

/**
 * Take over {run, running, masks} of a reply: the newest run and all its masks. A reply may come after the event
 * that ended the run.
 * @param {Found} found
 * @param {ToldFound} told
 */
export function takeFound(found, told) {
  found.asked = false;
  if (told.masks && found.awaiting && told.run <= found.run) return;
  Object.assign(found, { run: told.run, awaiting: false, running: found.running && told.running });
  if (told.masks) {
    found.masks.clear();
    addFound(found, told.masks);
  }
  refreshFound(found);
}

/**
 * Take over one step of a run; true if masks are missing, so that all must be asked for.
 * @param {Found} found
 * @param {Step} step
 */
export function stepFound(found, step) {
  const { order, run = 0 } = step;
  if (step.stage === "started") {
    found.masks.clear();
    Object.assign(found, { run, running: true, awaiting: false, progress: null, report: "" });
  } else if (run !== found.run) return run > found.run;
  changeFound(found, step);
  if (order) endRun(found, order, step.report || "");
  refreshFound(found);
  return order !== undefined && order.length > found.masks.size;
}

/**
 * @param {Found} found
 * @param {Step} step
 */
function changeFound(found, { added = [], removed = [], done = 0, total = 0, left = null }) {
  addFound(found, added);
  for (const id of removed) found.masks.delete(id);
  if (total) found.progress = { done, total, left };
}

/**
 * Keep the masks that a run leaves, in their order.
 * @param {Found} found
 * @param {number[]} order
 * @param {string} report
 */
function endRun(found, order, report) {
  Object.assign(found, { running: false, progress: null, report });
  const kept = order.flatMap((id) => found.masks.get(id) || []);
  found.masks = new Map(kept.map((mask) => [mask.id, mask]));
}

/**
 * @param {Filters} filters
 * @param {FoundMask} mask
 */
function passes(filters, { score, stability, area }) {
  const { least, most } = filters;
  return score >= filters.score && stability >= filters.stability && area >= least && area <= most;
}

/**
 * Derive what is offered and shown, after anything has changed; what is not shown is not selected either.
 * @param {Found} found
 */
export function refreshFound(found) {
  const offered = [...found.masks.values()].filter(({ id }) => !found.taken.has(id) && !found.rejected.has(id));
  found.offered = offered.length;
  found.shown = offered.filter((mask) => passes(found.filters, mask)).sort((a, b) => b.area - a.area || a.id - b.id);
  const ids = new Set(found.shown.map(({ id }) => id));
  for (const id of found.selected) if (!ids.has(id)) found.selected.delete(id);
  if (found.over !== null && !ids.has(found.over)) found.over = null;
}

/**
 * The smallest shown mask that covers an image point, or null.
 * @param {Found} found
 * @param {At} at
 */
export function foundAt(found, at) {
  for (let i = found.shown.length - 1; i >= 0; i--) {
    if (maskCovers(found.shown[i].mask, at.x, at.y)) return found.shown[i];
  }
  return null;
}

/**
 * Ids that a command means: those selected, or else the one under the pointer.
 * @param {Found} found
 */
export function meantIds(found) {
  if (found.selected.size > 0) return [...found.selected];
  return found.over === null ? [] : [found.over];
}

/**
 * How many of the rejected masks belong to the current run, so that they can be shown again.
 * @param {Found} found
 */
export function rejectedCount(found) {
  return [...found.rejected].filter((id) => found.masks.has(id)).length;
}

/**
 * Area in image px of a slider from 0 to 100, logarithmic; total: of the image.
 * @param {number} value
 * @param {number} total
 */
export function sliderArea(value, total) {
  return value <= 0 ? 0 : Math.round(Math.exp((value / 100) * Math.log(total)));
}
