// Keys: shortcuts while the canvas or nothing else has the focus, and a cursor that makes the keyboard a pointer.

import { boxBetween, boxIsMeant, clamp, panView, toImage, toScreen } from "../core/geometry.js";
import { edits } from "../core/state.js";

const STEP = 12; // CSS px an arrow key moves the cursor

/** act: functions by name, see canvas.js; pointer as made in pointer.js. */
export function createKeys(root, canvas, state, view, pointer, act) {
  let spaceClicks = false; // Space went down on the canvas and has not moved the picture since

  /** Keys count on the canvas, and where nothing has the focus; elsewhere in the tool only if they write nothing. */
  function listens(target) {
    if (!root.isConnected || document.querySelector("dialog[open]")) return false;
    if (target === document.body || target === canvas) return true;
    return root.contains(target) && !target.closest("input, select, textarea, [contenteditable]");
  }

  function down(event) {
    if (event.defaultPrevented || !listens(event.target)) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command) {
      if (key === "z") return take(event, event.shiftKey ? act.redo : act.undo);
      if (key === "y") return take(event, act.redo);
      return;
    }
    if (event.altKey) return;
    const onCanvas = event.target === canvas || event.target === document.body;
    if (onCanvas && moveCursor(event)) return;
    if (state.found.on && act.foundKey(key, onCanvas)) return event.preventDefault();
    if (key === " " && onCanvas) return holdSpace(event);
    if (key === "Tab" && event.target === canvas && !event.shiftKey && state.candidates.length > 1) {
      return take(event, act.nextCandidate);
    }
    if (key === "Enter" && onCanvas) return take(event, act.accept);
    if (key === "b" && onCanvas && state.image) return take(event, markCorner);
    const action = {
      Escape: escape,
      Delete: pointer.removeSelected,
      Backspace: pointer.removeSelected,
      "+": act["zoom-in"],
      "=": act["zoom-in"],
      "-": act["zoom-out"],
      _: act["zoom-out"],
      0: act.actual,
      f: act.fit,
      e: act.everything,
      x: act.toggleInclude,
      h: act.hover,
      o: act.outline,
      "?": act.help,
      1: () => act.choose(0),
      2: () => act.choose(1),
      3: () => act.choose(2),
    }[key];
    if (action) take(event, action);
  }

  function take(event, action) {
    event.preventDefault();
    action();
  }

  function escape() {
    if (state.corner) {
      state.corner = null;
      state.draft = null;
      return act.changed();
    }
    if (pointer.cancel()) return;
    if (state.selected !== null) {
      state.selected = null;
      act.changed();
    }
    act.clear();
  }

  function moveCursor(event) {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!direction || !state.image) return false;
    event.preventDefault();
    const step = event.shiftKey ? 1 : STEP / state.view.scale;
    const from = state.cursor || middle();
    // Pixel centres, so that a click at the cursor means the pixel that it stands on.
    const limit = (value, size) => clamp(value, 0.5, size - 0.5);
    state.cursor = {
      x: limit(from.x + direction[0] * step, state.image.width),
      y: limit(from.y + direction[1] * step, state.image.height),
    };
    follow();
    if (state.corner) state.draft = act.withBox(boxBetween(state.image, state.corner, state.cursor));
    act.changed();
    act.hoverAt(state.cursor);
    return true;
  }

  function middle() {
    const at = toImage(state.view, state.size.width / 2, state.size.height / 2);
    return { x: Math.floor(at.x) + 0.5, y: Math.floor(at.y) + 0.5 };
  }

  /** Move the picture so that the cursor stays in sight. */
  function follow() {
    const at = toScreen(state.view, state.cursor.x, state.cursor.y);
    const edge = 24;
    const dx = clamp(at.x, edge, state.size.width - edge) - at.x;
    const dy = clamp(at.y, edge, state.size.height - edge) - at.y;
    if (dx || dy) view.look(panView(state.view, dx, dy));
  }

  function holdSpace(event) {
    if (!state.image) return;
    event.preventDefault();
    if (event.repeat) return;
    spaceClicks = true;
    pointer.holdSpace(true);
  }

  function up(event) {
    if (event.key !== " " || !root.isConnected) return;
    const clicks = spaceClicks;
    letSpaceGo();
    if (!listens(event.target) || !clicks || !state.cursor) return;
    const { x, y } = state.cursor;
    if (state.found.on) return act.foundClick({ x, y }, event.shiftKey, false);
    act.edit(edits.addPoint(x, y, state.include && !event.shiftKey ? 1 : 0), event.timeStamp);
  }

  function letSpaceGo() {
    spaceClicks = false;
    pointer.holdSpace(false);
  }

  /** The first B marks a corner at the cursor, the second one draws the box. */
  function markCorner() {
    if (!state.cursor) state.cursor = middle();
    if (!state.corner) {
      state.corner = state.cursor;
      act.changed();
      return;
    }
    const box = boxBetween(state.image, state.corner, state.cursor);
    state.corner = null;
    state.draft = null;
    if (boxIsMeant(box, state.view.scale)) {
      state.selected = "box";
      act.edit(edits.setBox(box), performance.now());
    }
    act.changed();
  }

  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
  canvas.addEventListener("pointerdown", () => {
    spaceClicks = false;
    state.corner = null;
  });
  window.addEventListener("blur", letSpaceGo);
}
