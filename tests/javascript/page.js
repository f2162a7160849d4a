// Stand-ins for a browser's window and elements, as far as the page's scripts touch them.

import { createState } from "../../samui/canvas/core/state.js";
import { EMPTY_PROMPT } from "../../samui/canvas/core/prompt.js";

/** An event with the fields of a pointer's. */
export function pointerEvent(type, x, y, fields = {}) {
  const event = new Event(type);
  const none = { pointerId: 1, pointerType: "mouse", button: 0, shiftKey: false, altKey: false, ctrlKey: false };
  const all = { ...none, clientX: x, clientY: y, ...fields };
  for (const [name, value] of Object.entries(all)) Object.defineProperty(event, name, { value });
  return event;
}

/** A canvas that lies at the top left corner of the window. */
export function canvas() {
  const element = new EventTarget();
  return Object.assign(element, {
    style: {},
    focus() {},
    setPointerCapture() {},
    getBoundingClientRect: () => ({ left: 0, top: 0 }),
  });
}

/** The state of a page with an image of 100x80 px, shown 4 times as large. */
export function stateWithImage() {
  return Object.assign(createState({}), {
    token: "t",
    stage: "ready",
    image: { url: "image/1", name: "a.png", width: 100, height: 80 },
    view: { scale: 4, x: 0, y: 0 },
    size: { width: 400, height: 320 },
    base: EMPTY_PROMPT,
  });
}

/** Functions that write down their calls as [name, ...arguments]; those given do it, too. */
export function recorder(log, given = {}) {
  return new Proxy(given, {
    get(target, name) {
      if (name === "then") return undefined;
      return (...all) => {
        log.push([name, ...all]);
        return target[name] && target[name](...all);
      };
    },
  });
}
