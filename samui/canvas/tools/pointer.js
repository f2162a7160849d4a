// Pointers on the canvas. Which tool a press is for is decided when it goes down; from then on that tool says what it
// does. Whether released, called off or escaped from, each press ends in finish().

import { boxIsMeant, clamp, toImage } from "../core/geometry.js";
import { createBadge } from "./badge.js";
import { createBoxTool } from "./box.js";
import { createClicks } from "./clicks.js";
import { createDraw } from "./draw.js";
import { createFoundTool } from "./found.js";
import { createPan } from "./pan.js";
import { createPinch } from "./pinch.js";
import { createPointTool } from "./point.js";
import { removal } from "./selection.js";
import { createTaps } from "./taps.js";

/** @import { At } from "../core/geometry.js" */
/** @import { Bench, Press, Spot, Tool } from "./tool.js" */
/** @typedef {ReturnType<typeof createPointer>} Pointer */

/** @type {{[type: string]: number}} */
const TOLERANCE = { mouse: 3, pen: 5, touch: 9 }; // CSS px that a click may drift
/** @type {{[type: string]: number}} */
const GRASP = { mouse: 8, pen: 10, touch: 20 }; // CSS px round points and handles
const LONG_PRESS = 600; // ms
const REST = 40; // ms that a drag rests before its mask is asked for ahead
const HOLD = 10; // ms that a press lasts before its mask is made ahead: a hand holds the button for 60 to 120
const NOTCH = { line: 33, page: 400 }; // CSS px for a wheel that reports lines or pages

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Bench} bench
 */
export function createPointer(canvas, bench) {
  const { state, view, prompt, prompting, preview } = bench;
  /** @type {Map<number, At>} */
  const fingers = new Map(); // pointer id -> screen point
  /** @type {Press | null} */
  let press = null;
  let spaceHeld = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let standing; // while a press stands still

  const taps = createTaps(bench);
  const clicks = createClicks(bench, taps);
  const pan = createPan(bench, () => spaceHeld);
  const pinch = createPinch(bench);
  /** @type {Tool[]} */
  const tools = [
    // The first tool that finds something of its own under the pointer takes the press.
    pan,
    createFoundTool(bench, taps, pan),
    createBadge(bench),
    createPointTool(bench, taps),
    createBoxTool(bench, taps, clicks),
    createDraw(bench, clicks),
  ];

  /**
   * @param {MouseEvent} event
   * @returns {At}
   */
  function screen(event) {
    const frame = canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  /**
   * @param {PointerEvent} event
   * @returns {Spot}
   */
  function spotOf(event) {
    const at = screen(event);
    return {
      at,
      on: toImage(state.view, at.x, at.y),
      grasp: GRASP[event.pointerType] || GRASP.mouse,
      shift: event.shiftKey,
      button: event.button,
    };
  }

  /**
   * The tool for a spot, and what it has found there.
   * @param {Spot} spot
   */
  function choose(spot) {
    for (const tool of tools) {
      const target = tool.find(spot);
      if (target !== null) return { tool, target };
    }
    return null;
  }

  /** @param {PointerEvent} event */
  function down(event) {
    if (!state.image) return;
    canvas.focus({ preventScroll: true });
    const spot = spotOf(event);
    fingers.set(event.pointerId, spot.at);
    canvas.setPointerCapture(event.pointerId);
    preview.stir();
    if (fingers.size === 2) {
      finish();
      return start({ tool: pinch, target: null }, spot, event);
    }
    if (press || fingers.size > 2) return;
    const chosen = choose(spot);
    if (!chosen || (event.button !== 0 && event.button !== 2 && chosen.tool !== pan)) return;
    start(chosen, spot, event);
    if (chosen.tool === pan) {
      event.preventDefault();
      canvas.style.cursor = pan.cursor(null);
    }
  }

  /**
   * @param {{tool: Tool, target: any}} chosen
   * @param {Spot} spot
   * @param {PointerEvent} event
   */
  function start({ tool, target }, spot, event) {
    const begun = (press = {
      tool,
      id: tool === pinch ? null : event.pointerId,
      start: spot,
      target,
      at: spot.at,
      to: spot.on,
      drags: event.button === 0,
      exclude: event.button === 2 || event.altKey || event.ctrlKey,
      tolerance: TOLERANCE[event.pointerType] || TOLERANCE.mouse,
      moved: false,
      before: prompt(),
      fingers: [...fingers.values()],
    });
    if (tool.press) tool.press(begun);
    if (begun.moved) return; // it draws nothing
    state.cursor = null;
    stand(HOLD);
    if (event.pointerType === "touch") setTimeout(holdOn, LONG_PRESS, begun);
  }

  /**
   * A finger has stayed in one place for a long time.
   * @param {Press} held
   */
  function holdOn(held) {
    const edit = press === held && !held.moved && held.tool.hold && held.tool.hold(held);
    if (!edit) return;
    finish();
    state.selected = null;
    prompting.edit(edit);
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const at = screen(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
    if (!press) {
      if (event.pointerType !== "touch") pass(spotOf(event));
    } else if (press.id === null || press.id === event.pointerId) {
      track(press, at);
      if (press.drags) drag(press);
    }
  }

  /**
   * @param {Press} pressed
   * @param {At} at
   */
  function track(pressed, at) {
    pressed.at = at;
    pressed.to = toImage(state.view, at.x, at.y);
    pressed.fingers = [...fingers.values()];
  }

  /** @param {Press} dragged */
  function drag(dragged) {
    const { tool, at, start: from } = dragged;
    if (!dragged.moved) {
      if (Math.hypot(at.x - from.at.x, at.y - from.at.y) <= dragged.tolerance) return;
      dragged.moved = true;
      dragged.before = prompt();
    }
    if (tool.move) return tool.move(dragged);
    const edit = tool.edit && tool.edit(dragged);
    if (!edit) return;
    stand(REST);
    state.draft = null;
    state.draft = edit(prompt());
    view.ask("prompt");
  }

  /**
   * If the press does not move within `time` ms, ask ahead for the mask that a release would give.
   * @param {number} time
   */
  function stand(time) {
    clearTimeout(standing);
    standing = setTimeout(() => {
      const edit = press && press.tool.edit && press.tool.edit(press);
      if (!press || !edit) return;
      const { points, box } = edit(prompt());
      if (press.moved && box && !boxIsMeant(box, state.view.scale)) return;
      // When a box changes, the points inside it are decoded again; a new point corrects the mask before it.
      preview.prepare(edit, press.moved ? points.length + 1 : 1);
    }, time);
  }

  /**
   * End the press, if there is one: keep what it did if it was released, or leave everything as it was.
   * @param {PointerEvent} [released]
   */
  function finish(released) {
    const ended = press;
    const draft = state.draft;
    press = null;
    state.draft = null;
    canvas.style.cursor = spaceHeld ? "grab" : "";
    if (ended && released) {
      track(ended, screen(released));
      ended.tool.release(ended, released.timeStamp);
    } else if (ended) {
      preview.leave(); // and drop what it would have asked for next
      if (ended.tool.cancel) ended.tool.cancel();
    }
    if (draft || ended) view.ask("prompt");
    return Boolean(ended);
  }

  /** @param {PointerEvent} event */
  function up(event) {
    fingers.delete(event.pointerId);
    // The finger that stays after a pinch draws nothing.
    if (press && press.tool === pinch && fingers.size > 0) return;
    if (press && press.id !== null && press.id !== event.pointerId) return;
    finish(event.type === "pointerup" ? event : undefined);
  }

  /**
   * The browser reports no end for pointers that it takes away: each would stay down for ever and the next would pinch.
   * @param {PointerEvent} event
   */
  function lose(event) {
    if (fingers.has(event.pointerId)) up(event);
  }

  function loseAll() {
    fingers.clear();
    if (press) finish();
  }

  /**
   * The pointer passes over without a button.
   * @param {Spot} spot
   */
  function pass(spot) {
    const over = state.image && choose({ ...spot, button: -1 });
    if (!over) return;
    preview.stir();
    if (over.tool.over) over.tool.over(spot, over.target);
    else preview.leave();
    canvas.style.cursor = spaceHeld ? "grab" : over.tool.cursor(over.target);
  }

  /** @param {WheelEvent} event */
  function wheel(event) {
    if (!state.image) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? NOTCH.line : event.deltaMode === 2 ? NOTCH.page : 1;
    const at = screen(event);
    view.zoom(Math.exp(clamp(-event.deltaY * unit, -400, 400) * (event.ctrlKey ? 0.01 : 0.0018)), at.x, at.y);
  }

  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("lostpointercapture", lose);
  window.addEventListener("blur", loseAll);
  canvas.addEventListener("pointerleave", () => {
    preview.leave();
    if (state.found.on) bench.finding.over(null);
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  // Otherwise Firefox pastes and Chrome scrolls on the middle button.
  canvas.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
  canvas.addEventListener("wheel", wheel, { passive: false });

  return {
    /** Call off the press at work; whether there was one. */
    cancel: () => finish(),
    removeSelected() {
      const edit = removal(state.selected);
      if (!edit) return;
      state.selected = null;
      prompting.edit(edit);
    },
    /**
     * While Space is held, a drag moves the picture.
     * @param {boolean} held
     */
    holdSpace(held) {
      spaceHeld = held;
      canvas.style.cursor = held ? "grab" : "";
    },
  };
}
