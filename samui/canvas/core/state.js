// The one state of the page, and the pure functions that derive from it. Everything here is plain data.

import { createFound, forgetFound, refreshFound, takeFound } from "./found.js";
import { maskCovers, readMask } from "./mask.js";

export const EMPTY_PROMPT = Object.freeze({ points: [], box: null });
const EMPTY_OBJECTS = Object.freeze([]);

/** A fresh state; settings as in the answer of begin. */
export function createState(settings) {
  return {
    session: null,
    epoch: 0,
    serial: 0, // of the last reply applied
    rev: 0, // of the last reply applied
    stage: "empty", // empty, reading, image, encoding, ready
    opening: false, // an image is on its way, whatever the stage of the one that is shown
    loading: false, // a model
    saving: false,
    offline: false,
    settings,
    image: null, // {url, width, height, name, notes}
    base: EMPTY_PROMPT, // the prompt as the server has it; what is unsent is folded over it
    active: null, // id of the object that the prompt changes, if it is an accepted one
    candidates: [],
    candidate: null,
    mask: null, // as of readMask
    score: null,
    hover: null, // {mask, score} under the pointer
    objects: EMPTY_OBJECTS,
    label: "",
    snap: false,
    can: { undo: false, redo: false, accept: false },
    timings: {},
    decodes: [], // ms of recent decoder calls
    view: { scale: 1, x: 0, y: 0 }, // CSS px
    size: { width: 1, height: 1 }, // of the canvas, CSS px
    ratio: 1, // device px per CSS px
    include: true, // what a plain click means
    hovering: true,
    outline: false,
    opacity: 0.45,
    draft: null, // the prompt while a gesture changes it
    selected: null, // "box", index of a point, or null
    cursor: null, // keyboard cursor in image px
    corner: null, // first corner of a box that the keyboard draws, image px
    found: createFound(), // everything mode
  };
}

/** Forget everything about the image and the work on it. */
export function forgetWork(state) {
  Object.assign(state, {
    serial: 0,
    base: EMPTY_PROMPT,
    active: null,
    candidates: [],
    candidate: null,
    mask: null,
    score: null,
    hover: null,
    objects: EMPTY_OBJECTS,
    label: "",
    can: { undo: false, redo: false, accept: false },
    timings: {},
    draft: null,
    selected: null,
    cursor: null,
    corner: null,
  });
  forgetFound(state.found);
}

/** Prompt after operations that the server has not answered yet; undo and redo cannot be foreseen. */
export function foldPrompt(base, operations) {
  let prompt = base;
  for (const operation of operations) {
    if (operation.edit) prompt = operation.edit(prompt);
    else if (["clear", "accept", "reset", "reopen"].includes(operation.action)) prompt = EMPTY_PROMPT;
  }
  return prompt;
}

/** Edits: functions from a prompt to a prompt, so that they can wait and still hold after an undo. */
export const edits = {
  addPoint: (x, y, label) => (prompt) => ({ ...prompt, points: [...prompt.points, [x, y, label]] }),
  movePoint: (index, x, y) => (prompt) => ({
    ...prompt,
    points: prompt.points.map((point, i) => (i === index ? [x, y, point[2]] : point)),
  }),
  removePoint: (index) => (prompt) => ({ ...prompt, points: prompt.points.filter((_, i) => i !== index) }),
  setBox: (box) => (prompt) => ({ ...prompt, box }),
  replace: (whole) => () => whole,
};

/** Take over a reply; returns which layers it changes: {mask, objects, found}. */
export function applyReply(state, reply) {
  const changed = { mask: false, objects: false, found: false };
  state.rev = Math.max(state.rev, reply.rev || 0);
  if (reply.serial !== undefined) state.serial = reply.serial;
  if (reply.prompt) {
    const active = reply.prompt.object === undefined ? null : reply.prompt.object;
    changed.objects = active !== state.active;
    state.active = active;
    state.base = { points: reply.prompt.points || [], box: reply.prompt.box || null };
  }
  if (reply.candidates) state.candidates = reply.candidates;
  if (reply.candidate !== undefined) state.candidate = reply.candidate;
  if (reply.mask !== undefined) {
    state.mask = reply.mask ? readMask(reply.mask) : null;
    state.hover = null;
    changed.mask = true;
  }
  const chosen = state.candidate === null ? null : state.candidates[state.candidate];
  state.score = chosen ? chosen.score : null;
  if (reply.objects) {
    state.objects = mergeObjects(state.objects, reply.objects);
    changed.objects = true;
  }
  if (reply.gone) {
    state.found.taken = new Set(reply.gone.taken);
    state.found.rejected = new Set(reply.gone.rejected);
    refreshFound(state.found);
  }
  if (reply.found) takeFound(state.found, reply.found);
  changed.found = Boolean(reply.gone || reply.found);
  if (reply.label !== undefined) state.label = reply.label || "";
  if (reply.snap !== undefined) state.snap = reply.snap;
  if (reply.can) state.can = reply.can;
  if (reply.timings) rememberTimings(state, reply.timings);
  return changed;
}

/** Objects after a difference {order, changed}; masks that did not change are kept as they were read. */
function mergeObjects(before, difference) {
  const known = new Map(before.map((object) => [object.id, object]));
  for (const wire of difference.changed) {
    const old = known.get(wire.id);
    const mask = wire.mask ? readMask(wire.mask) : old ? old.mask : null;
    known.set(wire.id, { ...wire, mask });
  }
  return difference.order.map((id) => known.get(id)).filter(Boolean);
}

/** Take over timings (ms) of one reply; only a decoder call that ran counts towards the median. */
export function rememberTimings(state, timings) {
  state.timings = { ...state.timings, ...timings };
  if (timings.decode > 0 && !timings.ahead) state.decodes = [...state.decodes, timings.decode].slice(-7);
}

/** Median of numbers, 0 of none. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}

/** The topmost visible object that covers an image point, or null. */
export function objectAt(objects, at) {
  for (let i = objects.length - 1; i >= 0; i--) {
    const object = objects[i];
    if (object.visible && object.mask && maskCovers(object.mask, at.x, at.y)) return object;
  }
  return null;
}
