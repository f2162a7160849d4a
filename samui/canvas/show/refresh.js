// When toolbar and panel are updated: once a frame at most, and after the picture.

/** @import { View } from "./view.js" */
/** @typedef {ReturnType<typeof createRefresh>} Refresh */

/** @param {View} view */
export function createRefresh(view) {
  /** @type {(() => void)[]} */
  const updates = [];
  let asked = 0;

  function now() {
    cancelAnimationFrame(asked);
    asked = 0;
    for (const update of updates) update();
  }

  function soon() {
    if (!asked) asked = requestAnimationFrame(now);
  }

  return {
    now,
    soon,
    /** The prompt or an option changed on the page: draw it, and show it in toolbar and panel. */
    changed() {
      view.ask("prompt");
      soon();
    },
    /**
     * Update a part of the page together with the others.
     * @param {() => void} update
     */
    add(update) {
      updates.push(update);
    },
  };
}
