// Everything mode on the page: its part of the panel, and what pointer and keys do in it.

import { areaText, foundText, progressText } from "../core/texts.js";
import { foundAt, meantIds, refreshFound, rejectedCount, sliderArea, stepFound } from "../core/found.js";
import { press, setText } from "./toolbar.js";

const AREA_STEPS = 100; // of the area sliders, see sliderArea
const SILENCE = 10000; // ms without a word of a run after which the page asks

/**
 * root, state, view as elsewhere; act: {operate, changed, label(), focus()}; send(name, fields): starts long work.
 * Returns the actions of the mode by name, and what the rest of the page needs of it.
 */
export function createEverything(root, state, view, act, send) {
  const { found } = state;
  const section = root.querySelector(".everything");
  const find = (selector) => section.querySelector(selector);
  const density = find(".density");
  const options = {};
  for (const input of section.querySelectorAll("[data-option]")) options[input.dataset.option] = input;
  const sliders = {};
  for (const input of section.querySelectorAll("[data-filter]")) {
    sliders[input.dataset.filter] = input;
    input.addEventListener("input", filter);
  }
  let shownDefaults = null;
  let silence = 0; // timer

  /** Ask for all there is where a run has been silent for long: its events, the last one among them, may be lost. */
  function watch() {
    clearTimeout(silence);
    if (!found.running) return;
    silence = setTimeout(() => {
      if (found.running && !found.asked) {
        found.asked = true;
        act.operate({ action: "found" });
      }
      watch();
    }, SILENCE);
  }

  /** The mode is entered or left. */
  function toggle(on) {
    if (on === found.on || (on && !state.image)) return;
    found.on = on;
    found.over = null;
    found.selected.clear();
    state.selected = null;
    state.cursor = null;
    redraw();
    act.focus();
  }

  function redraw() {
    view.ask("found", "mask", "prompt");
    act.changed();
  }

  /** Look for all masks, with the parameters as they stand in the panel. */
  function start() {
    if (!state.image || state.stage !== "ready") return;
    const parameters = { points_per_side: Number(density.value) };
    for (const [name, input] of Object.entries(options)) {
      if (input.value !== "") parameters[name] = Number(input.value);
    }
    Object.assign(found, { running: true, awaiting: true, asked: false, progress: null, report: "" });
    send("everything", { parameters });
    watch();
    redraw();
  }

  function stop() {
    act.operate({ action: "cancel" });
  }

  function filter() {
    const total = state.image ? state.image.width * state.image.height : 1;
    const most = Number(sliders.most.value);
    found.filters = {
      score: Number(sliders.score.value),
      stability: Number(sliders.stability.value),
      least: sliderArea(Number(sliders.least.value), total),
      most: most >= AREA_STEPS ? Infinity : sliderArea(most, total),
    };
    refreshFound(found);
    redraw();
  }

  /** Apply an action to the masks that are meant. */
  function command(action, ids = meantIds(found)) {
    if (ids.length === 0) return;
    const fields = action === "reject" ? {} : { label: act.label() };
    act.operate({ action, masks: ids, ...fields });
    found.selected.clear();
  }

  function refine(id = meantIds(found)[0]) {
    if (id === undefined || meantIds(found).length > 1) return;
    act.operate({ action: "refine", mask: id });
    toggle(false);
  }

  /** A click at an image point; add: select instead of keep. Returns the mask that was there. */
  function click(at, add) {
    const mask = foundAt(found, at);
    if (!mask) found.selected.clear();
    else if (add || found.picking) {
      if (!found.selected.delete(mask.id)) found.selected.add(mask.id);
    } else command("keep", [mask.id]);
    redraw();
    return mask;
  }

  /** The pointer or the cursor is over an image point, or null. Returns whether a mask is there. */
  function over(at) {
    const mask = at && foundAt(found, at);
    const id = mask ? mask.id : null;
    if (id === found.over) return id !== null;
    found.over = id;
    view.ask("mask");
    act.changed();
    return id !== null;
  }

  /** Light up the next mask, largest first, or the one before. */
  function step(direction) {
    const count = found.shown.length;
    if (count === 0) return;
    const at = found.shown.findIndex(({ id }) => id === found.over);
    found.over = found.shown[at < 0 ? (direction > 0 ? 0 : count - 1) : (at + direction + count) % count].id;
    redraw();
  }

  /** Keys of the mode; true if the key was one. */
  function key(name, onCanvas) {
    if (name === "Enter" && !onCanvas) return false;
    const action = {
      Escape: () => toggle(false),
      Enter: () => command("keep"),
      Delete: () => command("reject"),
      Backspace: () => command("reject"),
      m: () => found.selected.size > 1 && command("merge"),
      r: () => refine(),
      "]": () => step(1),
      "[": () => step(-1),
      s: () => pick(),
      b: () => {},
    }[name];
    if (action) action();
    return Boolean(action);
  }

  function pick() {
    found.picking = !found.picking;
    act.changed();
  }

  /** Fill in the defaults of the model at hand; what a person set stays as long as the model does. */
  function takeDefaults() {
    const { model } = state.settings;
    if (!model || !model.everything || shownDefaults === model.name) return;
    shownDefaults = model.name;
    const { parameters, filters, ranges } = model.everything;
    density.value = String(parameters.points_per_side);
    for (const [name, input] of Object.entries(options)) {
      input.value = parameters[name];
      [input.min, input.max] = ranges[name];
    }
    sliders.score.value = filters.score;
    sliders.stability.value = filters.stability;
    filter();
  }

  /** Show the state in the panel and on the button of the mode. */
  function update() {
    takeDefaults();
    const meant = meantIds(found).length;
    const text = progressText(found);
    root.classList.toggle("everything-on", found.on);
    section.hidden = !found.on;
    const enable = (name, enabled) => (find(`[data-do="${name}"]`).disabled = !enabled);
    enable("find", Boolean(state.image) && state.stage === "ready" && !found.running);
    find('[data-do="stop-finding"]').hidden = !found.running;
    find(".finding").hidden = !found.running;
    setText(find(".finding-text"), text);
    const bar = find("progress");
    if (found.progress) {
      bar.max = found.progress.total;
      bar.value = found.progress.done;
    } else bar.removeAttribute("value");
    const line = root.querySelector(".finding-line");
    line.hidden = !found.running;
    line.style.setProperty("--done", found.progress ? found.progress.done / found.progress.total : 0);
    setText(find(".found-text"), foundText(found) || (found.running ? "" : "Find all masks of the image at once."));
    find(".sifting").hidden = found.offered === 0 && rejectedCount(found) === 0;
    const { score, stability, least, most } = found.filters;
    const texts = { score: score.toFixed(2), stability: stability.toFixed(2), least: areaText(least) };
    texts.most = most === Infinity ? "any" : areaText(most);
    for (const name of Object.keys(sliders)) setText(find(`[data-told="${name}"]`), texts[name]);
    enable("keep-shown", found.shown.length > 0);
    enable("keep-found", meant > 0);
    enable("merge-found", found.selected.size > 1);
    enable("reject-found", meant > 0);
    enable("refine-found", meant === 1);
    press(find('[data-do="pick-found"]'), found.picking);
    const rejected = rejectedCount(found);
    const restore = find('[data-do="restore-found"]');
    restore.hidden = rejected === 0;
    setText(restore, `Show rejected (${rejected})`);
  }

  return {
    update,
    click,
    over,
    key,
    refine,
    leave: () => toggle(false),
    actions: {
      everything: () => toggle(!found.on),
      find: start,
      "stop-finding": stop,
      "keep-shown": () => command("keep", found.shown.map(({ id }) => id)),
      "keep-found": () => command("keep"),
      "merge-found": () => command("merge"),
      "reject-found": () => command("reject"),
      "refine-found": () => refine(),
      "restore-found": () => act.operate({ action: "restore" }),
      "pick-found": pick,
    },
    /** One step of a run, as the server tells it. */
    take(told) {
      if (told.epoch !== state.epoch) return;
      if (stepFound(found, told)) act.operate({ action: "found" });
      watch();
      redraw();
    },
  };
}
