// Draws the state: five canvases on top of each other (picture, found, objects, mask, prompt), each redrawn only if
// what it shows has changed. devicePixelRatio is read here and nowhere else.

import {
  clampView, deviceView, fitView, panView, scaleRange, snapView, zoomStep, zoomView,
} from "../core/geometry.js";
import { packColour, parseColour } from "../core/paint.js";
import { ACTIVE_COLOUR, WHITE } from "./colours.js";
import { context2d, find } from "./dom.js";
import { createMaskLayer } from "./layer.js";
import { badgePosition, drawPrompt } from "./overlay.js";
import { closePicture, drawPicture } from "./picture.js";

/** @import { Prompt } from "../core/messages.js" */
/** @import { FoundMask } from "../core/found.js" */
/** @import { Viewport } from "../core/geometry.js" */
/** @import { ObjectOfPage } from "../core/objects.js" */
/** @import { Style } from "../core/paint.js" */
/** @import { State } from "../core/state.js" */
/** @import { Painting } from "./layer.js" */
/** @import { Picture } from "./picture.js" */

/** @typedef {"picture" | "found" | "objects" | "mask" | "prompt"} LayerName */
/** @typedef {ReturnType<typeof createView>} View */

const HOVER_SHARE = 0.6; // of the opacity of the active mask
const MARGIN = 12; // CSS px round a fitted image
const OUTLINE = 2; // device px
const CLEAR = { tint: 1, outline: 1, thickness: 1 }; // a colour with alpha 0
const LIT_OUTLINE = 3; // device px
const LIT_TINT = 0.7; // opacity
const KEPT = 48; // CSS px of the image that always stay on the canvas
/** @type {LayerName[]} */
const LAYERS = ["picture", "found", "objects", "mask", "prompt"];

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {() => Prompt} prompt  the prompt to show
 */
export function createView(root, state, prompt) {
  const stage = find(root, ".stage");
  const main = find(root, ".main");
  const canvases = LAYERS.map((name) => find(root, `.layer.${name}`, HTMLCanvasElement));
  const [pictureCanvas, foundCanvas, objectsCanvas, maskCanvas, promptCanvas] = canvases;
  const pictureContext = context2d(pictureCanvas);
  const promptContext = context2d(promptCanvas);
  const masks = {
    found: createMaskLayer(foundCanvas),
    objects: createMaskLayer(objectsCanvas),
    mask: createMaskLayer(maskCanvas),
  };
  /** @type {Set<LayerName>} */
  const stale = new Set();
  /** @type {Picture | null} */
  let picture = null;
  let asked = 0;
  /** @type {[name: LayerName, draw: () => void][]} */
  const drawings = [
    ["mask", drawMask],
    ["objects", () => drawMany("objects", shownObjects(), ({ colour }) => maskStyle(parseColour(colour), 1))],
    ["found", drawFound],
    ["prompt", drawPromptLayer],
    ["picture", drawImage],
  ];

  /** Measure the stage; true if anything changed. */
  function resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, stage.clientWidth);
    const height = Math.max(1, stage.clientHeight);
    if (ratio === state.ratio && width === state.size.width && height === state.size.height) return false;
    const before = state.size;
    state.ratio = ratio;
    state.size = { width, height };
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    for (const layer of Object.values(masks)) layer.resize(across, down);
    for (const canvas of canvases) {
      canvas.width = across;
      canvas.height = down;
      canvas.style.width = `${across / ratio}px`;
      canvas.style.height = `${down / ratio}px`;
    }
    if (before.width === 1) fit();
    else look(panView(state.view, (width - before.width) / 2, (height - before.height) / 2));
    return true;
  }

  /** Measure now, and again whenever the window, the stage or the toolbar changes its size. */
  function follow() {
    // A frame that grows with its content would grow for ever, since the content grows with the window.
    if (window.self !== window.top) root.style.setProperty("--tallest", "720px");
    const measure = () => {
      // The work area ends at the window's edge, whatever is above it on the page.
      const above = main.getBoundingClientRect().top + window.scrollY;
      root.style.setProperty("--above", `${Math.round(above) + 12}px`);
      if (resize()) paint(...LAYERS);
    };
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    observer.observe(find(root, ".toolbar"));
    window.addEventListener("resize", measure);
    measure();
  }

  /**
   * Change the view (CSS px); everything is drawn again in the next frame.
   * @param {Viewport} view
   */
  function look(view) {
    if (!state.image) return;
    state.view = snapView(clampView(view, state.image, state.size, KEPT), state.ratio);
    ask(...LAYERS);
  }

  function fit() {
    if (state.image) look(fitView(state.image, state.size, MARGIN));
  }

  /**
   * Zoom by a factor about a screen point, or the middle.
   * @param {number} factor
   */
  function zoom(factor, sx = state.size.width / 2, sy = state.size.height / 2) {
    if (state.image) look(zoomView(state.view, factor, sx, sy, scaleRange(state.image, state.size, state.ratio)));
  }

  /**
   * Mark layers as stale and draw them in the next frame.
   * @param {...LayerName} names
   */
  function ask(...names) {
    for (const name of names) stale.add(name);
    if (!asked) asked = requestAnimationFrame(draw);
  }

  /**
   * Mark layers as stale and draw now.
   * @param {...LayerName} names
   */
  function paint(...names) {
    for (const name of names) stale.add(name);
    draw();
  }

  function draw() {
    cancelAnimationFrame(asked);
    asked = 0;
    for (const [name, drawLayer] of drawings) if (stale.has(name)) drawLayer();
    stale.clear();
  }

  function drawImage() {
    pictureContext.clearRect(0, 0, pictureCanvas.width, pictureCanvas.height);
    if (!state.image) return;
    const view = deviceView(state.view, state.ratio);
    if (picture) drawPicture(pictureContext, picture, state.image, view);
    else {
      pictureContext.fillStyle = "rgba(128, 128, 128, 0.25)";
      pictureContext.fillRect(view.x, view.y, state.image.width * view.scale, state.image.height * view.scale);
    }
  }

  /**
   * @param {[number, number, number]} colour
   * @param {number} share  of the opacity
   * @returns {Style}
   */
  function maskStyle(colour, share) {
    return {
      tint: state.outline ? 0 : packColour(colour, state.opacity * share),
      outline: packColour(colour, 1),
      thickness: OUTLINE,
    };
  }

  function drawMask() {
    const lit = state.found.on ? litPaintings() : [];
    masks.mask.fill(deviceView(state.view, state.ratio), [...activePaintings(), ...lit]);
  }

  /**
   * The selected masks of everything mode, and the one under the pointer, which is filled with its colour.
   * @returns {Painting[]}
   */
  function litPaintings() {
    const { masks: known, selected, over } = state.found;
    /** @type {(id: number, white: boolean) => Painting[]} */
    const lit = (id, white) => {
      const found = known.get(id);
      if (!found) return [];
      const colour = parseColour(found.colour);
      const outline = packColour(white ? WHITE : colour, 1);
      return [[found.mask, { tint: packColour(colour, LIT_TINT), outline, thickness: LIT_OUTLINE }]];
    };
    const all = [...selected].flatMap((id) => lit(id, true));
    return over === null ? all : [...all, ...lit(over, selected.has(over))];
  }

  /** @returns {Painting[]} */
  function activePaintings() {
    if (state.mask) {
      // A white rim distinguishes the mask at work from accepted objects, whatever their colours.
      const rim = { tint: 0, outline: packColour(WHITE, 1), thickness: 1 };
      return [[state.mask, maskStyle(ACTIVE_COLOUR, 1)], [state.mask, rim]];
    }
    return state.hover ? [[state.hover.mask, maskStyle(ACTIVE_COLOUR, HOVER_SHARE)]] : [];
  }

  function shownObjects() {
    return state.objects.filter((object) => object.visible && object.mask && object.id !== state.active);
  }

  /** The found masks, without their colour where an object covers them. */
  function drawFound() {
    const { on, shown } = state.found;
    /** @type {(FoundMask | ObjectOfPage)[]} */
    const items = on ? [...shown, ...shownObjects()] : [];
    drawMany("found", items, (item) =>
      "stability" in item ? { ...maskStyle(parseColour(item.colour), 1), thickness: 1 } : CLEAR,
    );
  }

  /**
   * @template {FoundMask | ObjectOfPage} T
   * @param {"found" | "objects"} name
   * @param {readonly T[]} items
   * @param {(item: T) => Style} style
   */
  function drawMany(name, items, style) {
    const { view, ratio, outline, opacity } = state;
    const how = [view.scale, view.x, view.y, ratio, outline, opacity].join();
    masks[name].many(deviceView(view, ratio), items, style, how);
  }

  function drawPromptLayer() {
    promptContext.setTransform(1, 0, 0, 1, 0, 0);
    promptContext.clearRect(0, 0, promptCanvas.width, promptCanvas.height);
    if (!state.image) return;
    promptContext.setTransform(state.ratio, 0, 0, state.ratio, 0, 0);
    drawPrompt(promptContext, state, prompt());
  }

  return {
    resize,
    follow,
    look,
    fit,
    zoom,
    ask,
    paint,
    /**
     * Zoom one step in (1) or out (-1).
     * @param {number} direction
     */
    zoomBy(direction) {
      const scale = state.view.scale * state.ratio;
      zoom(zoomStep(scale, direction) / scale);
    },
    /** One image pixel on one device pixel. */
    actualSize: () => zoom(1 / state.ratio / state.view.scale),
    badgePosition: () => badgePosition(state, prompt()),
    picture: () => picture,
    /**
     * Show another picture, or none.
     * @param {Picture | null} next
     */
    show(next) {
      if (picture && picture !== next) closePicture(picture);
      picture = next;
      ask("picture");
    },
  };
}
