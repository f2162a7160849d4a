// Pointer gestures on the canvas: click, drag, move, pan, pinch. A gesture begins in begin(), and ends in finish()
// whether it is released, cancelled or escaped from.

import {
  boxBetween, boxIsMeant, clamp, clampPoint, hitBox, hitPoint, insideImage, moveBox, panView, pinchView, resizeBox,
  scaleRange, toImage,
} from "../core/geometry.js";
import { maskCovers } from "../core/mask.js";
import { EMPTY_PROMPT, edits, objectAt } from "../core/state.js";

const TOLERANCE = { mouse: 3, pen: 5, touch: 9 }; // CSS px that a click may wander
const GRASP = { mouse: 8, pen: 10, touch: 20 }; // CSS px round points and handles
const DOUBLE = { time: 400, distance: 6 }; // ms and CSS px between the clicks of a double click
const LONG_PRESS = 600; // ms
const REST = 40; // ms that the pointer rests before the mask under it, or of the drag so far, is asked for
const HOLD = 10; // ms that a press lasts before its mask is made ahead: a hand holds the button for 60 to 120

/**
 * canvas: the element; state, view as made elsewhere; prompt(): the prompt to show.
 * act: {edit(edit, began), prepare(edit, calls): this edit may follow, reopen(id, began, instead), hoverAt(at), leave(),
 * changed(), foundClick(at, add, twice): in everything mode}.
 */
export function createPointer(canvas, state, view, prompt, act) {
  const fingers = new Map(); // pointer id -> screen point
  let gesture = null;
  let spaceHeld = false;
  let lastClick = null; // {time, x, y, before: prompt}
  let resting = 0;
  let standing = 0; // timer, while a gesture stands still

  function screen(event) {
    const frame = canvas.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  function targetAt(at, event) {
    if (state.found.on) return { kind: "found" };
    const { points, box } = prompt();
    const grasp = GRASP[event.pointerType] || GRASP.mouse;
    const badge = view.badgePosition();
    if (badge && Math.hypot(badge.x - at.x, badge.y - at.y) <= Math.max(10, grasp)) return { kind: "badge" };
    const index = hitPoint(points, state.view, at.x, at.y, grasp);
    if (index >= 0) return { kind: "point", index };
    const handle = box && !event.shiftKey ? hitBox(box, state.view, at.x, at.y, grasp) : "";
    if (handle) return { kind: "box", handle };
    return { kind: "empty" };
  }

  function begin(event) {
    if (!state.image) return;
    canvas.focus({ preventScroll: true });
    const at = screen(event);
    fingers.set(event.pointerId, at);
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(resting);
    if (fingers.size === 2) {
      finish(false);
      gesture = { kind: "pinch" };
      return;
    }
    if (gesture || fingers.size > 2) return;
    if (event.button === 1 || (event.button === 0 && spaceHeld)) {
      event.preventDefault();
      gesture = { kind: "pan", id: event.pointerId, last: at };
      canvas.style.cursor = "grabbing";
      return;
    }
    if (event.button !== 0 && event.button !== 2) return;
    const target = targetAt(at, event);
    gesture = {
      kind: "press",
      id: event.pointerId,
      start: at,
      from: toImage(state.view, at.x, at.y),
      target,
      left: event.button === 0,
      add: event.shiftKey,
      exclude: event.button === 2 || event.altKey || event.ctrlKey,
      tolerance: TOLERANCE[event.pointerType] || TOLERANCE.mouse,
      moved: false,
    };
    state.cursor = null;
    stand(HOLD);
    if (event.pointerType === "touch" && (target.kind === "point" || target.kind === "box")) {
      const pressed = gesture;
      setTimeout(() => {
        if (gesture !== pressed || pressed.moved || target.handle === "body") return;
        finish(false);
        remove(target);
      }, LONG_PRESS);
    }
  }

  function move(event) {
    const at = screen(event);
    if (fingers.has(event.pointerId)) {
      if (gesture && gesture.kind === "pinch" && fingers.size === 2) {
        const before = [...fingers.values()];
        fingers.set(event.pointerId, at);
        const after = [...fingers.values()];
        const range = scaleRange(state.image, state.size, state.ratio);
        view.look(pinchView(state.view, before[0], before[1], after[0], after[1], range));
        return;
      }
      fingers.set(event.pointerId, at);
    }
    if (!gesture) {
      if (event.pointerType !== "touch") pass(at, event);
      return;
    }
    if (gesture.id !== event.pointerId) return;
    if (gesture.kind === "pan") {
      view.look(panView(state.view, at.x - gesture.last.x, at.y - gesture.last.y));
      gesture.last = at;
      return;
    }
    if (!gesture.left) return;
    if (Math.hypot(at.x - gesture.start.x, at.y - gesture.start.y) > gesture.tolerance) gesture.moved = true;
    if (!gesture.moved) return;
    if (gesture.target.kind === "found") {
      gesture = { kind: "pan", id: gesture.id, last: gesture.start };
      return move(event);
    }
    gesture.to = toImage(state.view, at.x, at.y);
    const edit = draggedEdit(gesture.to);
    if (!edit) return;
    stand(REST);
    state.draft = null;
    state.draft = edit(prompt());
    view.ask("prompt");
  }

  /** Unless the gesture goes on within so many ms, have the mask made that it would end with. */
  function stand(time) {
    clearTimeout(standing);
    standing = setTimeout(() => {
      if (!gesture || gesture.kind !== "press") return;
      const edit = gesture.moved ? draggedEdit(gesture.to) : clickedEdit(gesture);
      if (!edit || (gesture.moved && !isKept(gesture.target, edit))) return;
      act.prepare(edit, gesture.moved ? prompt().points.length + 1 : 1); // a new point corrects the mask before it
    }, time);
  }

  /** The edit that a press means which stays where it is: a point, or null. */
  function clickedEdit({ target, from, exclude }) {
    const free = target.kind === "empty" || (target.kind === "box" && target.handle === "body");
    if (!free || !insideImage(state.image, from, 0)) return null;
    return edits.addPoint(from.x, from.y, state.include && !exclude ? 1 : 0);
  }

  /** The edit that the drag so far means, to an image point. */
  function draggedEdit(to) {
    const { target, from } = gesture;
    const { image } = state;
    if (target.kind === "point") {
      const inside = clampPoint(image, to);
      return edits.movePoint(target.index, inside.x, inside.y);
    }
    if (target.kind === "box") {
      const { box } = gesture.before || (gesture.before = prompt());
      if (target.handle === "body") return edits.setBox(moveBox(image, box, to.x - from.x, to.y - from.y));
      return edits.setBox(resizeBox(image, box, target.handle, to));
    }
    return target.kind === "empty" ? edits.setBox(boxBetween(image, from, to)) : null;
  }

  /** End the gesture: keep what it did, or leave everything as it was. */
  function finish(keep, event) {
    const ended = gesture;
    const draft = state.draft;
    gesture = null;
    state.draft = null;
    canvas.style.cursor = spaceHeld ? "grab" : "";
    if (ended && !keep) act.leave(); // with what it would have asked for next
    if (ended && ended.kind === "press" && keep) {
      const at = screen(event);
      if (ended.moved) {
        gesture = ended; // draggedEdit reads it
        const edit = draggedEdit(toImage(state.view, at.x, at.y));
        gesture = null;
        drop(ended, edit, event);
      } else click(ended, event);
    }
    if (draft || ended) view.ask("prompt");
    return Boolean(ended);
  }

  /** Keep a drag. */
  function drop({ target }, edit, event) {
    if (!edit || !isKept(target, edit)) return;
    if (target.kind !== "point") state.selected = "box";
    act.edit(edit, event.timeStamp);
  }

  /** Whether a drag counts that ends with this edit: a box must have some size. */
  function isKept(target, edit) {
    return target.kind === "point" || boxIsMeant(edit(prompt()).box, state.view.scale);
  }

  /** A press that stayed where it was. */
  function click(ended, event) {
    const { target, from, start } = ended;
    if (target.kind === "badge") return remove(selection());
    if (target.kind === "found") return clickFound(ended, event);
    if (isTwice(start, event) && ended.left) {
      const object = objectAt(state.objects, from);
      if (object) {
        const { before } = lastClick;
        lastClick = null;
        return act.reopen(object.id, event.timeStamp, before);
      }
    }
    const edit = clickedEdit(ended);
    state.selected = null;
    if (!edit) {
      if (target.kind === "point") state.selected = target.index;
      if (target.kind === "box" && target.handle !== "body") state.selected = "box";
      return act.changed();
    }
    lastClick = { time: event.timeStamp, x: start.x, y: start.y, before: prompt() };
    act.edit(edit, event.timeStamp);
  }

  /** A click in everything mode; the second of two at one place is told as such. */
  function clickFound({ from, start, add }, event) {
    const twice = isTwice(start, event) && !add;
    lastClick = twice ? null : { time: event.timeStamp, x: start.x, y: start.y, before: EMPTY_PROMPT };
    act.foundClick(from, add, twice);
  }

  function isTwice(start, event) {
    return lastClick && event.timeStamp - lastClick.time < DOUBLE.time &&
      Math.hypot(start.x - lastClick.x, start.y - lastClick.y) < DOUBLE.distance;
  }

  function selection() {
    if (state.selected === null) return null;
    return state.selected === "box" ? { kind: "box" } : { kind: "point", index: state.selected };
  }

  /** Delete a point or the box. */
  function remove(target) {
    if (!target) return;
    state.selected = null;
    act.edit(target.kind === "box" ? edits.setBox(null) : edits.removePoint(target.index), performance.now());
  }

  /** The pointer passes over without a button. */
  function pass(at, event) {
    if (!state.image) return;
    const target = targetAt(at, event);
    if (target.kind === "found") {
      const lit = act.hoverAt(toImage(state.view, at.x, at.y));
      canvas.style.cursor = spaceHeld ? "grab" : lit ? "pointer" : "default";
      return;
    }
    canvas.style.cursor = spaceHeld ? "grab" : cursorOf(target);
    const over = toImage(state.view, at.x, at.y);
    clearTimeout(resting);
    if (target.kind !== "empty" || !insideImage(state.image, over, 0)) act.leave();
    else {
      if (state.hover && !maskCovers(state.hover.mask, over.x, over.y)) act.leave();
      resting = setTimeout(() => act.hoverAt(over), REST);
    }
  }

  function release(event) {
    const pinching = gesture && gesture.kind === "pinch";
    fingers.delete(event.pointerId);
    // The finger that is left after a pinch draws nothing.
    if (pinching && fingers.size > 0) return;
    if (!gesture || pinching || gesture.id === event.pointerId) finish(event.type === "pointerup", event);
  }

  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    clearTimeout(resting);
    act.leave();
  });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  // Firefox pastes and Chrome scrolls on the middle button otherwise.
  canvas.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault());
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!state.image) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 400 : 1;
      const at = screen(event);
      view.zoom(Math.exp(clamp(-event.deltaY * unit, -400, 400) * (event.ctrlKey ? 0.01 : 0.0018)), at.x, at.y);
    },
    { passive: false },
  );

  return {
    cancel: () => finish(false),
    removeSelected() {
      remove(selection());
    },
    /** While Space is held, a drag moves the picture. */
    holdSpace(held) {
      spaceHeld = held;
      canvas.style.cursor = held ? "grab" : "";
    },
  };
}

/** CSS cursor over a target. */
function cursorOf(target) {
  if (target.kind === "badge") return "pointer";
  if (target.kind === "point") return "grab";
  if (target.kind === "empty") return "crosshair";
  const cursors = { body: "move", n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize" };
  return cursors[target.handle] || (["nw", "se"].includes(target.handle) ? "nwse-resize" : "nesw-resize");
}
