// Everything mode: a run that looks for all masks, and what pointer and keys do with the masks that it has found.

import { foundAt, meantIds, refreshFound, stepFound } from "../core/found.js";

/** @import { Step } from "../core/messages.js" */
/** @import { Filters } from "../core/found.js" */
/** @import { At } from "../core/geometry.js" */
/** @import { Operation } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Label } from "../show/label.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */

/** @typedef {ReturnType<typeof createFinding>} Finding */

const SILENCE = 10000; // ms without an event of a run after which the page asks

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {View} parts.view
 * @param {Refresh} parts.refresh
 * @param {Label} parts.label
 * @param {(operation: Operation) => void} parts.operate
 * @param {() => void} parts.focus  gives the canvas the focus
 * @param {() => void} parts.run  asks for a run
 */
export function createFinding({ state, view, refresh, label, operate, focus, run }) {
  const { found } = state;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  /** @type {number | null} */
  let kept = null; // id of the mask that the last click kept

  /** Ask for all there is if a run has long been silent: its events, even the last one, may be lost. */
  function watch() {
    clearTimeout(silence);
    if (!found.running) return;
    silence = setTimeout(() => {
      if (found.running && !found.asked) {
        found.asked = true;
        operate({ action: "found" });
      }
      watch();
    }, SILENCE);
  }

  function redraw() {
    view.ask("found", "mask", "prompt");
    refresh.changed();
  }

  /**
   * The mode is entered or left.
   * @param {boolean} on
   */
  function toggle(on) {
    if (on === found.on || (on && !state.image)) return;
    found.on = on;
    found.over = null;
    found.selected.clear();
    state.selected = null;
    state.cursor = null;
    redraw();
    focus();
  }

  /** Look for all masks, with the parameters set in the panel. */
  function start() {
    if (!state.image || state.stage !== "ready") return;
    Object.assign(found, { running: true, awaiting: true, asked: false, progress: null, report: "" });
    run();
    watch();
    redraw();
  }

  /**
   * Apply an action to the selected masks, or to the one under the pointer.
   * @param {"keep" | "merge" | "reject"} action
   */
  function command(action, ids = meantIds(found)) {
    if (ids.length === 0) return;
    operate({ action, masks: ids, ...(action === "reject" ? {} : { label: label.text() }) });
    found.selected.clear();
  }

  /** @param {number} [id] */
  function refine(id = meantIds(found)[0]) {
    if (id === undefined || meantIds(found).length > 1) return;
    operate({ action: "refine", mask: id });
    toggle(false);
  }

  /**
   * A click at an image point.
   * @param {At} at
   * @param {{add: boolean, twice: boolean}} how  add: select instead of keep; twice: the second click at one place
   */
  function click(at, { add, twice }) {
    if (twice && kept !== null && !found.picking) return refine(kept);
    const mask = foundAt(found, at);
    if (!mask) found.selected.clear();
    else if (add || found.picking) select(mask.id);
    else command("keep", [mask.id]);
    kept = mask && !add ? mask.id : null;
    redraw();
  }

  /**
   * Select a mask, or deselect it.
   * @param {number} id
   */
  function select(id) {
    if (!found.selected.delete(id)) found.selected.add(id);
  }

  /**
   * The pointer or the cursor is over an image point, or null.
   * @param {At | null} at
   */
  function over(at) {
    const mask = at && foundAt(found, at);
    const id = mask ? mask.id : null;
    if (id === found.over) return;
    found.over = id;
    view.ask("mask");
    refresh.changed();
  }

  /**
   * Highlight the next mask, largest first, or the previous one.
   * @param {1 | -1} direction
   */
  function walk(direction) {
    const count = found.shown.length;
    if (count === 0) return;
    const at = found.shown.findIndex(({ id }) => id === found.over);
    found.over = found.shown[at < 0 ? (direction > 0 ? 0 : count - 1) : (at + direction + count) % count].id;
    redraw();
  }

  function pick() {
    found.picking = !found.picking;
    refresh.changed();
  }

  return {
    click,
    over,
    /** @param {Filters} filters */
    filter(filters) {
      found.filters = filters;
      refreshFound(found);
      redraw();
    },
    /**
     * One step of a run, as the server reports it.
     * @param {Step} step
     */
    take(step) {
      if (step.epoch !== state.epoch) return;
      if (stepFound(found, step)) operate({ action: "found" });
      watch();
      redraw();
    },
    commands: {
      everything: () => toggle(!found.on),
      find: start,
      "stop-finding": () => operate({ action: "cancel" }),
      "keep-shown": () => command("keep", found.shown.map(({ id }) => id)),
      "keep-found": () => command("keep"),
      "merge-found": () => command("merge"),
      "merge-selected": () => found.selected.size > 1 && command("merge"),
      "reject-found": () => command("reject"),
      "refine-found": () => refine(),
      "restore-found": () => operate({ action: "restore" }),
      "pick-found": pick,
      "next-found": () => walk(1),
      "previous-found": () => walk(-1),
    },
  };
}
