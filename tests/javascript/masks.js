// Masks for tests: those of masks.json, which the server's own tests hold to what it sends, and an encoder for others.

import { readFileSync } from "node:fs";

/** [{name, size, counts, box, area, rows}], rows of "#" inside and "." outside. */
export const MASKS = JSON.parse(readFileSync(new URL("masks.json", import.meta.url), "utf8"));

/** A number from 0 to 1 at each call, the same ones for a seed (mulberry32). */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Run lengths, column by column and zeros first, of inside(x, y). */
export function runs(width, height, inside) {
  const counts = [0];
  let now = false;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (inside(x, y) !== now) {
        counts.push(0);
        now = !now;
      }
      counts[counts.length - 1] += 1;
    }
  }
  return counts;
}

/** COCO's compressed string of run lengths (cocoapi common/maskApi.c, rleToString). */
export function compress(counts) {
  let text = "";
  counts.forEach((count, i) => {
    let x = i > 2 ? count - counts[i - 2] : count;
    for (let more = true; more; ) {
      let c = x & 31;
      x >>= 5;
      more = c & 16 ? x !== -1 : x !== 0;
      if (more) c |= 32;
      text += String.fromCharCode(c + 48);
    }
  });
  return text;
}

/** A mask as the server sends it. */
export function wire(width, height, inside) {
  const counts = runs(width, height, inside);
  let box = null;
  let area = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!inside(x, y)) continue;
      area += 1;
      box = box || [x, y, x + 1, y + 1];
      box = [Math.min(box[0], x), box[1], Math.max(box[2], x + 1), y + 1];
    }
  }
  return { size: [height, width], counts: compress(counts), box, area };
}

/** Width, height and inside(x, y) of one of MASKS. */
export function shape({ rows }) {
  return { width: rows[0].length, height: rows.length, inside: (x, y) => rows[y][x] === "#" };
}
