// Toolbar, candidate strip, status line, notices and the visible step of long work: what is not a list of objects.

import { bytesText, statusParts } from "../core/texts.js";
import { drawThumbnail } from "./picture.js";
import { ACTIVE_COLOUR } from "./view.js";

const THUMB = { width: 96, height: 72 }; // CSS px

/** root, state, view as elsewhere; busy(): whether anything is unanswered; act: functions by the name of a button. */
export function createToolbar(root, state, view, act) {
  const find = (selector) => root.querySelector(selector);
  const buttons = {};
  for (const button of root.querySelectorAll("[data-do]")) {
    buttons[button.dataset.do] = buttons[button.dataset.do] || button;
    button.addEventListener("click", () => act[button.dataset.do]());
  }
  const status = find(".status");
  const zoom = find(".zoom");
  const range = find(".opacity-range");
  const error = find(".notice.error");
  const hint = find(".notice.hint");
  const step = find(".step");
  const strip = find(".candidates");
  const slots = [0, 1, 2].map(createSlot);
  let drawn = null; // the candidates whose thumbnails are drawn
  let stepText = "";
  let stepSince = 0;
  let stepTimer = 0;

  range.addEventListener("input", () => act.opacity(Number(range.value) / 100));
  find(".toolbar").addEventListener("keydown", moveFocus);

  /** Arrow keys walk along the toolbar, as its role promises. */
  function moveFocus(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || event.target === range) return;
    const stops = [...find(".toolbar").querySelectorAll("button, .opacity-range")].filter(
      (stop) => !stop.disabled && stop.offsetParent,
    );
    const next = stops[stops.indexOf(event.target) + step];
    if (next) next.focus();
    event.preventDefault();
  }

  function createSlot(index) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const text = document.createElement("span");
    button.type = "button";
    button.className = "candidate";
    button.disabled = true;
    button.append(canvas, text);
    button.addEventListener("click", () => act.choose(index));
    strip.append(button);
    return { button, canvas, text };
  }

  /** Show the state in the toolbar, the strip and the status line. */
  function update(pending) {
    const { can, image } = state;
    const prompting = act.prompting();
    buttons.undo.disabled = !image || !(can.undo || pending);
    buttons.redo.disabled = !image || !can.redo;
    buttons.clear.disabled = !prompting && !state.mask;
    buttons.accept.disabled = !(can.accept || prompting);
    for (const name of ["zoom-out", "zoom-in", "fit", "actual"]) buttons[name].disabled = !image;
    press(buttons.include, state.include);
    press(buttons.exclude, !state.include);
    buttons.everything.disabled = !image;
    press(buttons.everything, state.found.on);
    press(buttons.hover, state.hovering);
    press(buttons.outline, state.outline);
    press(buttons.snap, state.snap);
    buttons.snap.hidden = !(state.settings.snap && state.settings.snap.available);
    zoom.textContent = image ? `${Math.round(state.view.scale * state.ratio * 100)}%` : "";
    root.dataset.stage = state.stage;
    root.classList.toggle("has-image", Boolean(image));
    root.classList.toggle("excluding", !state.include);
    setText(status, statusParts(state).join(" · "));
    updateStrip();
  }

  function updateStrip() {
    const redraw = drawn !== state.candidates;
    slots.forEach((slot, index) => {
      const candidate = state.candidates[index];
      slot.button.disabled = !candidate;
      press(slot.button, Boolean(candidate) && state.candidate === index);
      const score = candidate ? candidate.score.toFixed(2) : "";
      setText(slot.text, score);
      const name = candidate ? `Candidate ${index + 1}, score ${score}` : `No candidate ${index + 1}`;
      slot.button.setAttribute("aria-label", name);
      if (!redraw) return;
      slot.canvas.width = THUMB.width * state.ratio;
      slot.canvas.height = THUMB.height * state.ratio;
      if (!candidate || !state.image) return;
      drawThumbnail(slot.canvas, view.picture(), state.image, candidate.thumb, ACTIVE_COLOUR);
    });
    drawn = state.candidates;
  }

  /** Show a message in the region for errors, or none. */
  function complain(text) {
    setText(error.querySelector(".notice-text"), text);
    error.classList.toggle("shown", Boolean(text));
  }

  /** back: offer the way back to the image before. */
  function advise(text, back = false) {
    hint.querySelector(".back").hidden = !back;
    setText(hint.querySelector(".notice-text"), text);
    hint.classList.toggle("shown", Boolean(text));
  }

  /**
   * Show a step of long work with the seconds since it began, or none. download: {done, total} in bytes of a step that
   * receives them.
   */
  function work(text, download) {
    clearInterval(stepTimer);
    step.hidden = !text;
    const label = step.querySelector(".step-text");
    if (stepText !== text) stepSince = performance.now();
    stepText = text;
    setText(label, download ? `${text} ${bytesText(download)}` : text);
    const bar = step.querySelector(".step-bar");
    bar.hidden = !download;
    if (download && download.total > 0) bar.value = download.done / download.total;
    else bar.removeAttribute("value");
    const cancel = step.querySelector(".step-cancel");
    cancel.hidden = !state.opening && !state.loading && state.stage !== "image" && state.stage !== "encoding";
    cancel.setAttribute("aria-label", state.loading ? "Cancel loading the model" : "Cancel opening the image");
    if (!text) return;
    const seconds = () => ((performance.now() - stepSince) / 1000).toFixed(1);
    const tick = () => setText(step.querySelector(".step-time"), `${seconds()} s`);
    tick();
    stepTimer = setInterval(tick, 100);
  }

  /** Offer samples {name, title, url} on the empty page and in the panel. */
  function offerSamples(samples) {
    for (const place of root.querySelectorAll(".samples")) {
      place.replaceChildren(
        ...samples.map((sample) => {
          const button = document.createElement("button");
          const picture = document.createElement("img");
          const title = document.createElement("span");
          button.type = "button";
          button.className = "sample";
          button.title = sample.title;
          button.setAttribute("aria-label", `Open the sample ${sample.title}`);
          picture.src = new URL(sample.url, document.baseURI).href;
          picture.alt = "";
          title.textContent = sample.title;
          button.append(picture, title);
          button.addEventListener("click", () => act.openSample(sample.name));
          return button;
        }),
      );
    }
    root.classList.toggle("has-samples", samples.length > 0);
  }

  return {
    update,
    complain,
    advise,
    work,
    offerSamples,
    /** The picture behind the thumbnails has changed. */
    redrawStrip: () => (drawn = null),
  };
}

/** Set text only where it changes: a live region speaks again otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}
