// A canvas that shows masks: it is filled in memory, and only what changes reaches the screen.

import { paintMask } from "../core/paint.js";
import { context2d } from "./dom.js";

/** @import { Viewport } from "../core/geometry.js" */
/** @import { Mask } from "../core/mask.js" */
/** @import { Frame, Rectangle, Style } from "../core/paint.js" */

/** @typedef {[mask: Mask, style: Style]} Painting */
/** @typedef {{mask: Mask | null}} Item */

/** @param {HTMLCanvasElement} canvas */
export function createMaskLayer(canvas) {
  const context = context2d(canvas);
  /** @type {{data: ImageData, frame: Frame} | null} */
  let buffer = null;
  /** @type {Rectangle | null} */
  let painted = null;
  /** @type {{how: string, items: readonly Item[]} | null} */
  let drawn = null; // what the layer holds, if it was drawn by `many`

  function makeBuffer() {
    const data = new ImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(data.data.buffer);
    painted = null;
    return (buffer = { data, frame: { pixels, width: canvas.width, height: canvas.height } });
  }

  /**
   * Paint into the layer, over what is there (keep) or instead of it.
   * @param {Viewport} view  device px
   * @param {Painting[]} paintings
   * @param {boolean} [keep]
   */
  function fill(view, paintings, keep = false) {
    if (!buffer && paintings.length === 0) return;
    const { data, frame } = buffer || makeBuffer();
    const old = keep ? null : painted;
    if (old) {
      for (let y = old[1]; y < old[3]; y++) frame.pixels.fill(0, y * frame.width + old[0], y * frame.width + old[2]);
    }
    /** @type {Rectangle | null} */
    let fresh = null;
    for (const [mask, style] of paintings) fresh = union(fresh, paintMask(frame, view, mask, style));
    const dirty = union(old, fresh);
    painted = keep ? union(painted, fresh) : fresh;
    if (dirty) context.putImageData(data, 0, 0, dirty[0], dirty[1], dirty[2] - dirty[0], dirty[3] - dirty[1]);
  }

  return {
    fill,
    /**
     * Paint items, each in its style; if the layer already holds the first ones, only the added ones.
     * @template {Item} T
     * @param {Viewport} view  device px
     * @param {readonly T[]} items
     * @param {(item: T) => Style} style
     * @param {string} how  everything besides the items that the paintings depend on
     */
    many(view, items, style, how) {
      const before = buffer && drawn && drawn.how === how ? drawn.items : null;
      // New items come on top of the others, which need not be painted again.
      const kept = before !== null && before.length <= items.length && before.every((item, i) => item === items[i]);
      const fresh = kept ? items.slice(before.length) : items;
      fill(view, fresh.flatMap((item) => (item.mask ? [[item.mask, style(item)]] : [])), kept);
      drawn = { how, items };
    },
    /**
     * Change the size (device px), which empties the layer.
     * @param {number} width
     * @param {number} height
     */
    resize(width, height) {
      canvas.width = width;
      canvas.height = height;
      buffer = null;
    },
  };
}

/**
 * Smallest rectangle round two, either of which may be null.
 * @param {Rectangle | null} a
 * @param {Rectangle | null} b
 * @returns {Rectangle | null}
 */
function union(a, b) {
  if (!a || !b) return a || b;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}
