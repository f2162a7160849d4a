// `window.samui`: what automation and support may read of the page. Nothing in it can be changed.

import { toScreen } from "../core/geometry.js";
import { maskCovers } from "../core/mask.js";

/** canvas, state as elsewhere; prompt(): the prompt to show; busy(): whether anything is unanswered. */
export function createFacade(canvas, state, prompt, busy) {
  /** Copy of what the page shows. */
  function snapshot() {
    const { image, view: at, candidates, candidate, objects, rev, epoch, timings, stage } = state;
    const { points, box } = prompt();
    const working = state.opening || state.loading || state.saving || stage === "image" || stage === "encoding";
    return structuredClone({
      image: image && { width: image.width, height: image.height },
      view: at,
      prompt: { points, box },
      candidates: candidates.map(({ score, area, box: extent }) => ({ score, area, box: extent })),
      candidate,
      objects: objects.map(({ id, label, area, box: extent, visible }) => ({ id, label, area, box: extent, visible })),
      everything: foundSnapshot(state.found),
      pending: working || busy(),
      rev,
      epoch,
      stage,
      timings,
    });
  }

  function toClient(x, y) {
    const frame = canvas.getBoundingClientRect();
    const at = toScreen(state.view, x, y);
    return { x: frame.left + at.x, y: frame.top + at.y };
  }

  const facade = Object.freeze({
    snapshot,
    toClient,
    covers: (x, y) => Boolean(state.mask) && maskCovers(state.mask, x, y),
  });
  Object.defineProperty(window, "samui", { value: facade, writable: false, configurable: true });
}

/** found: the masks that are offered; shown, selected: ids among them; over: the id that is lit up, or null. */
function foundSnapshot(found) {
  const offered = [...found.masks.values()].filter(({ id }) => !found.taken.has(id) && !found.rejected.has(id));
  return {
    on: found.on,
    running: found.running,
    found: offered.map(({ id, score, stability, area, box, colour }) => ({ id, score, stability, area, box, colour })),
    shown: found.shown.map(({ id }) => id),
    selected: [...found.selected],
    over: found.over,
    report: found.report,
  };
}
