// `window.samui`: what automation and support may read from the page. Nothing in it can be changed.

import { toScreen } from "../core/geometry.js";
import { maskCovers } from "../core/mask.js";

/** @import { Prompt } from "../core/messages.js" */
/** @import { Found } from "../core/found.js" */
/** @import { State } from "../core/state.js" */
/** @import { Workspace } from "../core/workspace.js" */
/** @typedef {ReturnType<typeof snapshotOf>} Snapshot */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 * @param {() => Prompt} prompt  the prompt to show
 * @param {{busy: () => boolean, saved: () => boolean}} facts  whether anything is unanswered; whether all is kept
 */
export function createFacade(canvas, state, prompt, { busy, saved }) {
  const facade = Object.freeze({
    /** Copy of what the page shows. */
    snapshot: () => structuredClone(snapshotOf(state, prompt(), busy(), saved())),
    /**
     * Client coordinates of a point in image px.
     * @param {number} x
     * @param {number} y
     */
    toClient(x, y) {
      const frame = canvas.getBoundingClientRect();
      const at = toScreen(state.view, x, y);
      return { x: frame.left + at.x, y: frame.top + at.y };
    },
    /**
     * Whether the mask at work covers a point in image px.
     * @param {number} x
     * @param {number} y
     */
    covers: (x, y) => state.mask !== null && maskCovers(state.mask, x, y),
  });
  Object.defineProperty(window, "samui", { value: facade, writable: false, configurable: true });
}

/**
 * What the page shows, in the form given to others.
 * @param {State} state
 * @param {Prompt} prompt
 * @param {boolean} busy
 * @param {boolean} saved
 */
function snapshotOf(state, { points, box }, busy, saved) {
  const { image, view, candidates, candidate, objects, rev, epoch, timings, stage, workspace } = state;
  const working = state.opening || state.loading || state.saving || stage === "image" || stage === "encoding";
  return {
    image: image && { width: image.width, height: image.height, name: image.name },
    view,
    prompt: { points, box },
    candidates: candidates.map(({ score, area, box: extent }) => ({ score, area, box: extent })),
    candidate,
    objects: objects.map(({ id, uid, label, area, box: extent, visible }) => ({
      id, uid, label, area, box: extent, visible,
    })),
    saved,
    everything: foundSnapshot(state.found),
    workspace: workspaceSnapshot(workspace),
    pending: working || busy,
    rev,
    epoch,
    stage,
    timings,
  };
}

/**
 * The folder: how many images it has, and of the open one its place from 1, its name and how far it is.
 * @param {Workspace} workspace
 */
function workspaceSnapshot({ kind, counts, row, at }) {
  if (kind !== "folder") return null;
  return { images: counts.images, at: at === null ? null : at + 1, name: row && row.path, state: row && row.state };
}

/**
 * The masks that are offered; shown, selected: ids among them; over: the highlighted id, or null.
 * @param {Found} found
 */
function foundSnapshot(found) {
  const offered = [...found.masks.values()].filter(({ id }) => !found.taken.has(id) && !found.rejected.has(id));
  return {
    on: found.on,
    running: found.running,
    found: offered.map(({ id, score, stability, area, box, colour }) => ({ id, score, stability, area, box, colour })),
    shown: found.shown.map(({ id }) => id),
    selected: [...found.selected],
    over: found.over,
    report: found.report,
  };
}
