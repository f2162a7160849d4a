// Draws the state: five canvases on top of each other (picture, found, objects, mask, prompt), each drawn again only if what
// it shows has changed. devicePixelRatio is read here and nowhere else.

import {
  HANDLES, clamp, clampView, deviceView, fitView, handlePosition, panView, scaleRange, snapView, toScreen, zoomStep,
  zoomView,
} from "../core/geometry.js";
import { packColour, paintMask, parseColour } from "../core/mask.js";
import { drawPicture } from "./picture.js";

export const ACTIVE_COLOUR = [56, 152, 255];
const WHITE = [255, 255, 255];
const HOVER_SHARE = 0.6; // of the opacity of the active mask
const MARGIN = 12; // CSS px round an image that is fitted
const POINT_RADIUS = 6; // CSS px
const HANDLE_SIZE = 9; // CSS px
const BADGE_OFFSET = 15; // CSS px from a point or corner to the x that deletes it
const OUTLINE = 2; // device px
const CLEAR = { tint: 1, outline: 1, thickness: 1 }; // a colour without any alpha
const LIT_OUTLINE = 3; // device px
const LIT_TINT = 0.7; // opacity

/** root: element of the component; state as of createState; prompt(): the prompt to show. */
export function createView(root, state, prompt) {
  const stage = root.querySelector(".stage");
  const top = root.querySelector("#samui-canvas");
  const layers = {
    picture: { canvas: root.querySelector(".layer.picture") },
    found: { canvas: root.querySelector(".layer.found") },
    objects: { canvas: root.querySelector(".layer.objects") },
    mask: { canvas: root.querySelector(".layer.mask") },
    prompt: { canvas: top },
  };
  for (const layer of Object.values(layers)) layer.context = layer.canvas.getContext("2d");
  const stale = new Set();
  let picture = null;
  let asked = 0;
  const drawn = { objects: {}, found: {} }; // what these layers hold: {how, items}

  /** Measure the stage; true if anything changed. */
  function resize() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(1, stage.clientWidth);
    const height = Math.max(1, stage.clientHeight);
    if (ratio === state.ratio && width === state.size.width && height === state.size.height) return false;
    const before = state.size;
    state.ratio = ratio;
    state.size = { width, height };
    for (const layer of Object.values(layers)) {
      layer.canvas.width = Math.round(width * ratio);
      layer.canvas.height = Math.round(height * ratio);
      layer.canvas.style.width = `${layer.canvas.width / ratio}px`;
      layer.canvas.style.height = `${layer.canvas.height / ratio}px`;
      layer.data = null;
    }
    if (before.width === 1) fit();
    else look(panView(state.view, (width - before.width) / 2, (height - before.height) / 2));
    return true;
  }

  /** Measure now, and again whenever the window, the stage or the toolbar changes its size. */
  function follow() {
    const main = root.querySelector(".main");
    // A frame that grows with its content would grow without end, since the content grows with the window.
    if (window.self !== window.top) root.style.setProperty("--tallest", "720px");
    const measure = () => {
      // The work area ends with the window, whatever stands above it on the page.
      const above = main.getBoundingClientRect().top + window.scrollY;
      root.style.setProperty("--above", `${Math.round(above) + 12}px`);
      if (resize()) paint(...Object.keys(layers));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(stage);
    observer.observe(root.querySelector(".toolbar"));
    window.addEventListener("resize", measure);
    measure();
  }

  /** Change the view (CSS px); everything is drawn again in the next frame. */
  function look(view) {
    if (!state.image) return;
    state.view = snapView(clampView(view, state.image, state.size, 48), state.ratio);
    ask(...Object.keys(layers));
  }

  function fit() {
    if (state.image) look(fitView(state.image, state.size, MARGIN));
  }

  /** Zoom by a factor about a screen point, or the middle. */
  function zoom(factor, sx = state.size.width / 2, sy = state.size.height / 2) {
    if (state.image) look(zoomView(state.view, factor, sx, sy, scaleRange(state.image, state.size, state.ratio)));
  }

  function zoomBy(direction) {
    const scale = state.view.scale * state.ratio;
    zoom(zoomStep(scale, direction) / scale);
  }

  /** One image pixel on one device pixel. */
  function actualSize() {
    zoom(1 / state.ratio / state.view.scale);
  }

  /** Mark layers as stale and draw them in the next frame. */
  function ask(...names) {
    for (const name of names) stale.add(name);
    if (!asked) asked = requestAnimationFrame(draw);
  }

  /** Mark layers as stale and draw now. */
  function paint(...names) {
    for (const name of names) stale.add(name);
    draw();
  }

  function draw() {
    cancelAnimationFrame(asked);
    asked = 0;
    if (stale.has("mask")) drawMask();
    if (stale.has("objects")) drawObjects();
    if (stale.has("found")) drawFound();
    if (stale.has("prompt")) drawPrompt();
    if (stale.has("picture")) drawImage();
    stale.clear();
  }

  function drawImage() {
    const { canvas, context } = layers.picture;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!state.image) return;
    const view = deviceView(state.view, state.ratio);
    if (picture) drawPicture(context, picture, state.image, view);
    else {
      context.fillStyle = "rgba(128, 128, 128, 0.25)";
      context.fillRect(view.x, view.y, state.image.width * view.scale, state.image.height * view.scale);
    }
  }

  function maskStyle(colour, share) {
    return {
      tint: state.outline ? 0 : packColour(colour, state.opacity * share),
      outline: packColour(colour, 1),
      thickness: OUTLINE,
    };
  }

  function drawMask() {
    if (state.found.on) {
      fillLayer(layers.mask, [...activePaintings(), ...litPaintings(state.found)]);
    } else fillLayer(layers.mask, activePaintings());
  }

  /** The masks of everything mode that are selected, and the one under the pointer, which is all of its colour. */
  function litPaintings({ masks, selected, over }) {
    const lit = [...selected].map((id) => [masks.get(id), WHITE, LIT_TINT]);
    if (over !== null) lit.push([masks.get(over), selected.has(over) ? WHITE : null, LIT_TINT]);
    return lit.map(([{ mask, colour }, rim, tint]) => {
      const outline = packColour(rim || parseColour(colour), 1);
      return [mask, { tint: packColour(parseColour(colour), tint), outline, thickness: LIT_OUTLINE }];
    });
  }

  function activePaintings() {
    if (state.mask) {
      // A white rim tells the mask at work from accepted objects, whatever their colours.
      const rim = { tint: 0, outline: packColour(WHITE, 1), thickness: 1 };
      return [[state.mask, maskStyle(ACTIVE_COLOUR, 1)], [state.mask, rim]];
    }
    return state.hover ? [[state.hover.mask, maskStyle(ACTIVE_COLOUR, HOVER_SHARE)]] : [];
  }

  function drawObjects() {
    drawMany("objects", shownObjects(), (object) => maskStyle(parseColour(object.colour), 1));
  }

  function shownObjects() {
    return state.objects.filter((object) => object.visible && object.mask && object.id !== state.active);
  }

  /** The found masks, and no colour of theirs where an object lies. */
  function drawFound() {
    const { on, shown } = state.found;
    drawMany("found", on ? [...shown, ...shownObjects()] : [], (item) =>
      "stability" in item ? { ...maskStyle(parseColour(item.colour), 1), thickness: 1 } : CLEAR,
    );
  }

  /** Paint items {mask} into a layer, each in its style; if they are those that it holds and more, only what is more. */
  function drawMany(name, shown, style) {
    const { view, ratio, outline, opacity } = state;
    const how = [view.scale, view.x, view.y, ratio, outline, opacity].join();
    const before = layers[name].data && drawn[name].how === how ? drawn[name].items : null;
    // What is new comes on top of the others, which need not be painted again.
    const kept = before && before.length <= shown.length && before.every((item, i) => item === shown[i]);
    const fresh = kept ? shown.slice(before.length) : shown;
    fillLayer(layers[name], fresh.map((item) => [item.mask, style(item)]), kept);
    drawn[name] = { how, items: shown };
  }

  /** Paint [mask, style] pairs into a layer, over what is there (keep) or instead; only changes reach the screen. */
  function fillLayer(layer, paintings, keep) {
    const { canvas, context } = layer;
    if (!layer.data) {
      if (paintings.length === 0) return;
      layer.data = new ImageData(canvas.width, canvas.height);
      layer.frame = {
        pixels: new Uint32Array(layer.data.data.buffer),
        width: canvas.width,
        height: canvas.height,
      };
      layer.painted = null;
    }
    const { frame } = layer;
    const old = keep ? null : layer.painted;
    if (old) {
      for (let y = old[1]; y < old[3]; y++) frame.pixels.fill(0, y * frame.width + old[0], y * frame.width + old[2]);
    }
    const view = deviceView(state.view, state.ratio);
    let fresh = null;
    for (const [mask, style] of paintings) fresh = union(fresh, paintMask(frame, view, mask, style));
    const dirty = union(old, fresh);
    layer.painted = keep ? union(layer.painted, fresh) : fresh;
    if (dirty) context.putImageData(layer.data, 0, 0, dirty[0], dirty[1], dirty[2] - dirty[0], dirty[3] - dirty[1]);
  }

  function drawPrompt() {
    const { canvas, context } = layers.prompt;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!state.image) return;
    context.setTransform(state.ratio, 0, 0, state.ratio, 0, 0);
    const { points, box } = prompt();
    if (box) drawBox(context, box);
    points.forEach((point, index) => drawPoint(context, point, state.selected === index));
    const badge = badgePosition();
    if (badge) drawBadge(context, badge);
    if (state.cursor) drawCursor(context, toScreen(state.view, state.cursor.x, state.cursor.y));
  }

  function drawBox(context, box) {
    const a = toScreen(state.view, box[0], box[1]);
    const b = toScreen(state.view, box[2], box[3]);
    context.lineWidth = 3;
    context.strokeStyle = "rgba(0, 0, 0, 0.55)";
    context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
    context.lineWidth = 1.5;
    context.strokeStyle = "#fff";
    context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
    context.lineWidth = 1;
    context.strokeStyle = "rgba(0, 0, 0, 0.75)";
    context.fillStyle = state.selected === "box" ? `rgb(${ACTIVE_COLOUR.join(",")})` : "#fff";
    for (const handle of HANDLES) {
      const at = handlePosition(box, state.view, handle);
      context.fillRect(at.x - HANDLE_SIZE / 2, at.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
      context.strokeRect(at.x - HANDLE_SIZE / 2, at.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
    }
  }

  function drawPoint(context, [x, y, label], selected) {
    const at = toScreen(state.view, x, y);
    disc(context, at, POINT_RADIUS + (selected ? 4 : 2), selected ? `rgb(${ACTIVE_COLOUR.join(",")})` : "#fff");
    disc(context, at, POINT_RADIUS + 0.5, label ? "#15803d" : "#c81e1e");
    context.strokeStyle = "#fff";
    context.lineWidth = 1.8;
    context.beginPath();
    context.moveTo(at.x - 3.2, at.y);
    context.lineTo(at.x + 3.2, at.y);
    if (label) {
      context.moveTo(at.x, at.y - 3.2);
      context.lineTo(at.x, at.y + 3.2);
    }
    context.stroke();
  }

  function drawBadge(context, at) {
    disc(context, at, 8, "rgba(20, 20, 22, 0.9)");
    context.strokeStyle = "#fff";
    context.lineWidth = 1.6;
    context.beginPath();
    context.moveTo(at.x - 3, at.y - 3);
    context.lineTo(at.x + 3, at.y + 3);
    context.moveTo(at.x + 3, at.y - 3);
    context.lineTo(at.x - 3, at.y + 3);
    context.stroke();
  }

  function drawCursor(context, at) {
    for (const [width, style] of [[4, "rgba(0, 0, 0, 0.6)"], [1.6, "#fff"]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.arc(at.x, at.y, 9, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(at.x + 4 * dx, at.y + 4 * dy);
        context.lineTo(at.x + 15 * dx, at.y + 15 * dy);
      }
      context.stroke();
    }
  }

  /** Screen position of the x beside what is selected, or null. */
  function badgePosition() {
    const { points, box } = prompt();
    if (state.draft || state.selected === null) return null;
    const corner = state.selected === "box" ? box && [box[2], box[1]] : points[state.selected];
    if (!corner) return null;
    const at = toScreen(state.view, corner[0], corner[1]);
    if (at.x < 0 || at.y < 0 || at.x > state.size.width || at.y > state.size.height) return null;
    return {
      x: clamp(at.x + BADGE_OFFSET, 10, state.size.width - 10),
      y: clamp(at.y - BADGE_OFFSET, 10, state.size.height - 10),
    };
  }

  return {
    resize, follow, look, fit, zoom, zoomBy, actualSize, ask, paint, badgePosition,
    /** Show another picture, or none. */
    show(next) {
      picture = next;
      ask("picture");
    },
    picture: () => picture,
  };
}

/** Smallest rectangle round two, either of which may be null. */
function union(a, b) {
  if (!a || !b) return a || b;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function disc(context, at, radius, style) {
  context.fillStyle = style;
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  context.fill();
}
