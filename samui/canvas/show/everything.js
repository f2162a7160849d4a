// Everything mode's part of the panel: parameters of the next run, progress of a run, filters, and commands.

import { meantIds, rejectedCount, sliderArea } from "../core/found.js";
import { areaText, foundText, progressText } from "../core/texts.js";
import { find, press, setText } from "./dom.js";

/** @import { Filters } from "../core/found.js" */
/** @import { State } from "../core/state.js" */
/** @typedef {ReturnType<typeof createEverything>} Everything */

const AREA_STEPS = 100; // of the area sliders, see sliderArea

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {(filters: Filters) => void} filter  takes changed filters
 */
export function createEverything(root, state, filter) {
  const { found } = state;
  const section = find(root, ".everything");
  const density = find(section, ".density", HTMLSelectElement);
  const bar = find(section, "progress", HTMLProgressElement);
  const line = find(root, ".finding-line");
  const options = inputs("option");
  const sliders = inputs("filter");
  /** @type {string | null} */
  let shownDefaults = null;

  for (const slider of Object.values(sliders)) slider.addEventListener("input", () => filter(filters()));

  /**
   * Inputs of the section by the value of a data attribute.
   * @param {string} name
   */
  function inputs(name) {
    /** @type {{[of: string]: HTMLInputElement}} */
    const named = {};
    for (const input of section.querySelectorAll(`[data-${name}]`)) {
      if (input instanceof HTMLInputElement) named[input.dataset[name] || ""] = input;
    }
    return named;
  }

  /**
   * The filters that the sliders are set to.
   * @returns {Filters}
   */
  function filters() {
    const total = state.image ? state.image.width * state.image.height : 1;
    const most = Number(sliders.most.value);
    return {
      score: Number(sliders.score.value),
      stability: Number(sliders.stability.value),
      least: sliderArea(Number(sliders.least.value), total),
      most: most >= AREA_STEPS ? Infinity : sliderArea(most, total),
    };
  }

  /** Fill in the current model's defaults; what a person has set stays as long as the model does. */
  function takeDefaults() {
    const { model } = state.settings;
    if (!model || !model.everything || shownDefaults === model.name) return;
    shownDefaults = model.name;
    const { parameters, filters: given, ranges } = model.everything;
    density.value = String(parameters.points_per_side);
    for (const [name, input] of Object.entries(options)) {
      input.value = String(parameters[name]);
      [input.min, input.max] = ranges[name].map(String);
    }
    sliders.score.value = String(given.score);
    sliders.stability.value = String(given.stability);
    filter(filters());
  }

  function updateProgress() {
    const { running, progress } = found;
    find(section, '[data-do="stop-finding"]').hidden = !running;
    find(section, ".finding").hidden = !running;
    setText(find(section, ".finding-text"), progressText(found));
    if (progress) {
      bar.max = progress.total;
      bar.value = progress.done;
    } else bar.removeAttribute("value");
    line.hidden = !running;
    line.style.setProperty("--done", String(progress ? progress.done / progress.total : 0));
    setText(find(section, ".found-text"), foundText(found) || (running ? "" : "Find all masks of the image at once."));
  }

  function updateFilters() {
    const { score, stability, least, most } = found.filters;
    find(section, ".sifting").hidden = found.offered === 0 && rejectedCount(found) === 0;
    const texts = {
      score: score.toFixed(2),
      stability: stability.toFixed(2),
      least: areaText(least),
      most: most === Infinity ? "any" : areaText(most),
    };
    for (const [name, text] of Object.entries(texts)) setText(find(section, `[data-told="${name}"]`), text);
  }

  function updateCommands() {
    const meant = meantIds(found).length;
    const rejected = rejectedCount(found);
    const enabled = {
      find: Boolean(state.image) && state.stage === "ready" && !found.running,
      "keep-shown": found.shown.length > 0,
      "keep-found": meant > 0,
      "merge-found": found.selected.size > 1,
      "reject-found": meant > 0,
      "refine-found": meant === 1,
    };
    for (const [name, can] of Object.entries(enabled)) {
      find(section, `[data-do="${name}"]`, HTMLButtonElement).disabled = !can;
    }
    press(find(section, '[data-do="pick-found"]'), found.picking);
    const restore = find(section, '[data-do="restore-found"]');
    restore.hidden = rejected === 0;
    setText(restore, `Show rejected (${rejected})`);
  }

  return {
    /** Parameters of the next run, as set in the panel. */
    parameters() {
      /** @type {{[name: string]: number}} */
      const parameters = { points_per_side: Number(density.value) };
      for (const [name, input] of Object.entries(options)) {
        if (input.value !== "") parameters[name] = Number(input.value);
      }
      return parameters;
    },
    update() {
      takeDefaults();
      root.classList.toggle("everything-on", found.on);
      section.hidden = !found.on;
      updateProgress();
      updateFilters();
      updateCommands();
    },
  };
}
