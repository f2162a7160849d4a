// The one state of the page, and how replies change it. Plain data and pure functions.

import { createFound, forgetFound, refreshFound, takeFound } from "./found.js";
import { readMask } from "./mask.js";
import { mergeObjects } from "./objects.js";
import { EMPTY_PROMPT } from "./prompt.js";
import { createWorkspace } from "./workspace.js";

/** @import { Candidate, Can, OpenImage, Prompt, Reply, Settings, Stage, Timings } from "./messages.js" */
/** @import { Found } from "./found.js" */
/** @import { At, Size, Viewport } from "./geometry.js" */
/** @import { Source } from "./held.js" */
/** @import { Mask } from "./mask.js" */
/** @import { ObjectOfPage } from "./objects.js" */
/** @import { Workspace } from "./workspace.js" */

/**
 * @typedef {object} State
 * @property {string | null} token  of the seat
 * @property {number} epoch
 * @property {number} serial  of the last reply applied
 * @property {number} rev  of the last reply applied
 * @property {Stage} stage
 * @property {boolean} opening  an image is on its way, whatever the stage of the shown one
 * @property {boolean} sending  its file is on its way, but the server has not been asked to open it yet
 * @property {boolean} loading  a model
 * @property {boolean} saving
 * @property {boolean} offline
 * @property {string} refusal  why the server could not keep what was accepted, "" where it could
 * @property {boolean} restoring  what the page holds is on its way into a new seat
 * @property {Source | null} source  where the image that is open comes from
 * @property {readonly ObjectOfPage[]} safe  the objects as the server last said that all are kept
 * @property {Settings} settings
 * @property {OpenImage | null} image
 * @property {Prompt} base  the server's prompt; unsent edits are folded over it
 * @property {number | null} active  id of the accepted object that the prompt changes, if any
 * @property {Candidate[]} candidates
 * @property {number | null} candidate
 * @property {boolean} absent  the model says that there is no object where the prompt is
 * @property {Mask | null} mask
 * @property {number | null} score
 * @property {{mask: Mask, score: number, at: At} | null} hover  what is under the pointer
 * @property {readonly ObjectOfPage[]} objects
 * @property {string} label
 * @property {boolean} snap
 * @property {Can} can
 * @property {Timings} timings  ms
 * @property {number[]} decodes  ms of recent decoder calls
 * @property {Viewport} view  CSS px
 * @property {Size} size  of the canvas, CSS px
 * @property {number} ratio  device px per CSS px
 * @property {boolean} include  what a plain click means
 * @property {boolean} hovering  whether the mask under the pointer is shown
 * @property {boolean} outline
 * @property {number} opacity
 * @property {Prompt | null} draft  the prompt while a gesture changes it
 * @property {"box" | number | null} selected  the box, or index of a point
 * @property {At | null} cursor  keyboard cursor in image px
 * @property {At | null} corner  first corner of a box that the keyboard draws, image px
 * @property {Found} found  everything mode
 * @property {Workspace} workspace  where the images come from
 */

/** @typedef {{mask: boolean, objects: boolean, found: boolean}} Changed  Which layers of the view a reply changes. */

/** @type {readonly ObjectOfPage[]} */
const EMPTY_OBJECTS = Object.freeze([]);

/** The part of the state about one image and the work on it. */
function emptyWork() {
  return {
    serial: 0,
    base: EMPTY_PROMPT,
    active: null,
    candidates: [],
    candidate: null,
    absent: false,
    mask: null,
    score: null,
    hover: null,
    objects: EMPTY_OBJECTS,
    safe: EMPTY_OBJECTS,
    label: "",
    can: { undo: false, redo: false, accept: false },
    timings: {},
    draft: null,
    selected: null,
    cursor: null,
    corner: null,
  };
}

/**
 * A new state; settings as in the answer of begin.
 * @param {Settings} settings
 * @returns {State}
 */
export function createState(settings) {
  return {
    ...emptyWork(),
    token: null,
    epoch: 0,
    rev: 0,
    stage: "empty",
    opening: false,
    sending: false,
    loading: false,
    saving: false,
    offline: false,
    refusal: "",
    restoring: false,
    source: null,
    settings,
    image: null,
    snap: false,
    decodes: [],
    view: { scale: 1, x: 0, y: 0 },
    size: { width: 1, height: 1 },
    ratio: 1,
    include: true,
    hovering: true,
    outline: false,
    opacity: 0.45,
    found: createFound(),
    workspace: createWorkspace(),
  };
}

/**
 * Forget everything about the image and the work on it.
 * @param {State} state
 */
export function forgetWork(state) {
  Object.assign(state, emptyWork());
  forgetFound(state.found);
}

/**
 * How each part of a reply is applied, in this order.
 * @type {{[key in keyof Reply]?: (state: State, reply: Reply, changed: Changed) => void}}
 */
const PARTS = {
  serial: (state, { serial }) => (state.serial = serial || 0),
  prompt(state, { prompt }, changed) {
    const { points = [], box = null, object: active = null } = prompt || {};
    changed.objects = active !== state.active;
    state.active = active;
    state.base = { points, box };
  },
  candidates: (state, { candidates }) => (state.candidates = candidates || []),
  candidate: (state, { candidate = null }) => (state.candidate = candidate),
  absent: (state, { absent }) => (state.absent = Boolean(absent)),
  mask(state, { mask }, changed) {
    state.mask = mask ? readMask(mask) : null;
    state.hover = null;
    changed.mask = true;
  },
  objects(state, { objects }, changed) {
    if (objects) state.objects = mergeObjects(state.objects, objects);
    changed.objects = true;
  },
  gone(state, { gone }, changed) {
    state.found.taken = new Set(gone && gone.taken);
    state.found.rejected = new Set(gone && gone.rejected);
    refreshFound(state.found);
    changed.found = true;
  },
  found(state, { found }, changed) {
    if (found) takeFound(state.found, found);
    changed.found = true;
  },
  label: (state, { label }) => (state.label = label || ""),
  snap: (state, { snap }) => (state.snap = Boolean(snap)),
  can: (state, { can }) => (state.can = can || state.can),
  timings: (state, { timings }) => rememberTimings(state, timings || {}),
};
const NULL_MEANS_NONE = new Set(["candidate", "mask", "label"]);

/**
 * Apply a reply, or some parts of one; what it leaves out stays.
 * @param {State} state
 * @param {Partial<Reply>} reply
 */
export function applyReply(state, reply) {
  const changed = { mask: false, objects: false, found: false };
  const given = /** @type {Reply} */ (reply);
  state.rev = Math.max(state.rev, reply.rev || 0);
  for (const [name, take] of Object.entries(PARTS)) {
    const value = given[/** @type {keyof Reply} */ (name)];
    if (value !== undefined && (value !== null || NULL_MEANS_NONE.has(name))) take(state, given, changed);
  }
  const chosen = state.candidate === null ? null : state.candidates[state.candidate];
  state.score = chosen ? chosen.score : null;
  return changed;
}

/**
 * Places of the candidates that are offered, best first: of those that look the same only the best, or the chosen one.
 * @param {Pick<State, "candidates" | "candidate">} state
 */
export function offered({ candidates, candidate }) {
  const chosen = candidate === null ? undefined : candidates[candidate];
  /** @type {(like: number | null | undefined) => boolean} */
  const isNone = (like) => like === null || like === undefined;
  return candidates.flatMap(({ like }, place) => {
    if (!isNone(like)) return [];
    return [chosen && chosen.like === place && candidate !== null ? candidate : place];
  });
}

/**
 * Whether the server has kept all that a reply of `act` tells.
 * @param {State} state
 * @param {Partial<Reply>} reply
 */
export function takeSaved(state, { saved, why }) {
  state.refusal = saved === false ? why || "the server could not keep it" : "";
  if (!state.refusal) state.safe = state.objects;
}

/**
 * Take over timings (ms) of one reply; only a decoder call that ran counts towards the median.
 * @param {State} state
 * @param {Timings} timings
 */
export function rememberTimings(state, timings) {
  state.timings = { ...state.timings, ...timings };
  const { decode, ahead } = timings;
  if (decode && decode > 0 && !ahead) state.decodes = [...state.decodes, decode].slice(-7);
}

/**
 * Median of numbers, 0 if there are none.
 * @param {number[]} values
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : 0;
}
