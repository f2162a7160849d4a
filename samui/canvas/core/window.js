// A long list of which only what is in sight is there: which rows that is, and which parts of the list are at hand. Pure.

/** @typedef {{first: number, end: number}} Range  Indexes of rows: first, and the one after the last. */

/**
 * The rows that a list must have, those in sight and a few more on both sides.
 * @param {object} list
 * @param {number} list.top  px that it is scrolled
 * @param {number} list.height  px of it in sight
 * @param {number} list.row  px of a row
 * @param {number} list.count  of all rows
 * @param {number} [list.spare]  rows beyond what is in sight
 * @returns {Range}
 */
export function rowsInSight({ top, height, row, count, spare = 4 }) {
  const first = Math.max(0, Math.min(Math.floor(top / row) - spare, count));
  const end = Math.max(first, Math.min(Math.ceil((top + height) / row) + spare, count));
  return { first, end };
}

/**
 * Where a list must be scrolled to so that a row is in sight: not at all if it is, else to the middle of it.
 * @param {object} list
 * @param {number} list.top
 * @param {number} list.height
 * @param {number} list.row
 * @param {number} list.count
 * @param {number} index  of the row
 */
export function scrollFor({ top, height, row, count }, index) {
  const start = index * row;
  if (start >= top && start + row <= top + height) return top;
  return Math.max(0, Math.min(start - (height - row) / 2, count * row - height));
}

/**
 * Parts of a long list by their place, each of `size` rows. Those that were used longest ago are forgotten.
 * @template T
 * @param {number} size  rows of a part
 * @param {number} most  parts that are kept
 */
export function createParts(size, most) {
  /** @type {Map<number, T[]>} */
  const parts = new Map();
  return {
    size,
    /**
     * The row of an index, undefined while it is not at hand.
     * @param {number} index
     * @returns {T | undefined}
     */
    row: (index) => (parts.get(Math.floor(index / size)) || [])[index % size],
    /**
     * The parts of a range that are not at hand.
     * @param {Range} range
     */
    missing({ first, end }) {
      const found = [];
      for (let part = Math.floor(first / size); part * size < end; part++) if (!parts.has(part)) found.push(part);
      return found;
    },
    /**
     * @param {number} part
     * @param {T[]} rows
     */
    put(part, rows) {
      parts.delete(part);
      parts.set(part, rows);
      for (const oldest of parts.keys()) if (parts.size > most) parts.delete(oldest);
    },
    /**
     * Replace each row that is meant by a newer one.
     * @param {T} newer
     * @param {(row: T) => boolean} isMeant
     */
    replace(newer, isMeant) {
      for (const rows of parts.values()) rows.forEach((row, i) => isMeant(row) && (rows[i] = newer));
    },
    clear: () => parts.clear(),
    kept: () => parts.size,
  };
}
