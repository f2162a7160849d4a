// The masks that everything mode has found: which are offered, which are shown, which lies under a point. Plain data and
// pure functions; the masks are the server's, the filters are the page's.

import { maskCovers, readMask } from "./mask.js";

const NO_FILTERS = Object.freeze({ score: 0, stability: 0, least: 0, most: Infinity });

export function createFound() {
  return {
    on: false, // the mode
    picking: false, // a plain click selects
    running: false,
    awaiting: false, // a run that was asked for and has not started, since others are before it
    asked: false, // for all masks, since there was no word for long
    run: 0,
    progress: null, // {done, total, left: seconds or null}
    report: "", // how the last run ended
    masks: new Map(), // id -> {id, mask, score, stability, area, box, colour}
    taken: new Set(), // ids that became objects
    rejected: new Set(),
    filters: NO_FILTERS,
    shown: [], // offered masks that pass the filters, largest first, so that small ones lie on top
    offered: 0, // how many masks are neither taken nor rejected
    over: null, // id under the pointer or cursor
    selected: new Set(),
  };
}

/** Forget the masks, and everything about them but the mode and the filters. */
export function forgetFound(found) {
  const { on, picking, filters } = found;
  Object.assign(found, createFound(), { on, picking, filters });
}

/** Masks as the server writes them, added by id; one that is there already is replaced. */
function addFound(found, wires) {
  for (const { mask, ...rest } of wires) {
    found.masks.set(rest.id, { ...rest, area: mask.area, box: mask.box, mask: readMask(mask) });
  }
}

/**
 * Take over {run, running, masks} of a reply: the newest run, and all masks there are. A reply may come after the event
 * that ended the run.
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

/** Take over one step of a run; true if masks are missing, so that all must be asked for. */
export function stepFound(found, step) {
  if (step.stage === "started") {
    found.masks.clear();
    Object.assign(found, { run: step.run, running: true, awaiting: false, progress: null, report: "" });
  } else if (step.run !== found.run) return step.run > found.run;
  addFound(found, step.added || []);
  for (const id of step.removed || []) found.masks.delete(id);
  if (step.total) found.progress = { done: step.done, total: step.total, left: step.left };
  let missing = false;
  if (step.order) {
    Object.assign(found, { running: false, progress: null, report: step.report });
    const known = found.masks;
    missing = step.order.some((id) => !known.has(id));
    found.masks = new Map(step.order.filter((id) => known.has(id)).map((id) => [id, known.get(id)]));
  }
  refreshFound(found);
  return missing;
}

function passes(filters, { score, stability, area }) {
  const { least, most } = filters;
  return score >= filters.score && stability >= filters.stability && area >= least && area <= most;
}

/** Derive what is offered and shown, after anything has changed; what is not shown is not selected either. */
export function refreshFound(found) {
  const offered = [...found.masks.values()].filter(({ id }) => !found.taken.has(id) && !found.rejected.has(id));
  found.offered = offered.length;
  found.shown = offered.filter((mask) => passes(found.filters, mask)).sort((a, b) => b.area - a.area || a.id - b.id);
  const ids = new Set(found.shown.map(({ id }) => id));
  for (const id of found.selected) if (!ids.has(id)) found.selected.delete(id);
  if (!ids.has(found.over)) found.over = null;
}

/** The smallest shown mask that covers an image point, or null. */
export function foundAt(found, at) {
  for (let i = found.shown.length - 1; i >= 0; i--) {
    if (maskCovers(found.shown[i].mask, at.x, at.y)) return found.shown[i];
  }
  return null;
}

/** Ids that a command means: those selected, or else the one under the pointer. */
export function meantIds(found) {
  if (found.selected.size > 0) return [...found.selected];
  return found.over === null ? [] : [found.over];
}

/** How many of the rejected masks are of the run at hand, so that they can be shown again. */
export function rejectedCount(found) {
  return [...found.rejected].filter((id) => found.masks.has(id)).length;
}

/** Area in image px of a slider from 0 to 100, logarithmic; total: of the image. */
export function sliderArea(value, total) {
  return value <= 0 ? 0 : Math.round(Math.exp((value / 100) * Math.log(total)));
}
