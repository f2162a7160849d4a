// The accepted objects of the page. Plain data and pure functions.

import { maskCovers, readMask } from "./mask.js";

/** @import { WireObject } from "./messages.js" */
/** @import { At } from "./geometry.js" */
/** @import { Mask } from "./mask.js" */

/**
 * counts: the mask's run lengths as they came, which go back as they are.
 * @typedef {Omit<WireObject, "mask"> & {mask: Mask | null, counts: string}} ObjectOfPage
 */

/**
 * Objects after a change; masks that did not change are kept as they were read.
 * @param {readonly ObjectOfPage[]} before
 * @param {{order: number[], changed: WireObject[]}} difference
 * @returns {ObjectOfPage[]}
 */
export function mergeObjects(before, { order, changed }) {
  const known = new Map(before.map((object) => [object.id, object]));
  for (const wire of changed) {
    const old = known.get(wire.id);
    const { mask = null, counts = "", made } = old || {};
    const shape = wire.mask ? { mask: readMask(wire.mask), counts: wire.mask.counts } : { mask, counts };
    known.set(wire.id, { ...wire, ...shape, made: wire.made || made });
  }
  return order.flatMap((id) => known.get(id) || []);
}

/**
 * The topmost visible object that covers an image point, or null.
 * @param {readonly ObjectOfPage[]} objects
 * @param {At} at
 */
export function objectAt(objects, at) {
  for (let i = objects.length - 1; i >= 0; i--) {
    const object = objects[i];
    if (object.visible && object.mask && maskCovers(object.mask, at.x, at.y)) return object;
  }
  return null;
}

/**
 * What an object is called if it has no label.
 * @param {{id: number, label: string}} object
 */
export function nameOf({ id, label }) {
  return label ? `${label} (${id})` : `object ${id}`;
}
