// Pure: COCO run lengths to rows, and rows to device pixels. Runs go column by column and start with zeros (format:
// cocoapi common/maskApi.c). A mask is kept as the places in each row where it changes, so that the time to paint it
// grows with its outline and the filled memory, not with image pixels.

/** @import { Box, WireMask } from "./messages.js" */

/**
 * @typedef {object} Mask
 * @property {number} width  image px
 * @property {number} height
 * @property {Box} box  round everything that it covers
 * @property {number} area
 * @property {Int32Array} starts  see changesByRow
 * @property {Int32Array} edges
 */
/** @typedef {{data: Int32Array, length: number}} Growing  The first `length` of data count. */

/**
 * Run lengths of a COCO compressed string, as Uint32Array.
 * @param {string} text
 */
export function parseCounts(text) {
  const counts = new Uint32Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; ) {
    let value = 0;
    let shift = 0;
    let code = 32;
    while (code & 32) {
      code = text.charCodeAt(at++) - 48;
      value |= (code & 31) << shift;
      shift += 5;
    }
    if (code & 16 && shift < 32) value |= -1 << shift;
    counts[length] = length > 2 ? value + counts[length - 2] : value;
    length += 1;
  }
  return counts.subarray(0, length);
}

/**
 * Mask of a reply {size: [H, W], counts, box, area} as {width, height, box, area, starts, edges}; see changesByRow.
 * @param {WireMask} wire
 * @returns {Mask}
 */
export function readMask(wire) {
  const [height, width] = wire.size;
  const rows = changesByRow(parseCounts(wire.counts), height, width);
  return { width, height, box: wire.box || [0, 0, width, height], area: wire.area, ...rows };
}

/**
 * Runs to {starts, edges}: edges[starts[y] .. starts[y + 1]] are the rising x (image px) at which row y changes between
 * outside and inside; a row that ends inside has an odd number of them.
 * @param {Uint32Array} counts
 * @param {number} height
 * @param {number} width
 * @returns {{starts: Int32Array, edges: Int32Array}}
 */
function changesByRow(counts, height, width) {
  const bands = columnBands(counts, height, width);
  const starts = new Int32Array(height + 1);
  // How many edges each row has, from where the bands begin and end.
  const steps = new Int32Array(height + 1);
  for (let i = 0; i < bands.length; i += 3) {
    steps[bands.data[i + 1]] += 1;
    steps[bands.data[i + 2]] -= 1;
  }
  for (let y = 0, open = 0; y < height; y++) {
    open += steps[y];
    starts[y + 1] = starts[y] + open;
  }
  const edges = new Int32Array(starts[height]);
  const next = starts.slice(0, height);
  for (let i = 0; i < bands.length; i += 3) {
    const x = bands.data[i];
    for (let y = bands.data[i + 1]; y < bands.data[i + 2]; y++) edges[next[y]++] = x;
  }
  return { starts, edges };
}

/**
 * Triples (x, y0, y1): column x differs from column x - 1 in rows y0 to y1; rising x, {data: Int32Array, length}.
 * @param {Uint32Array} counts
 * @param {number} height
 * @param {number} width
 * @returns {Growing}
 */
function columnBands(counts, height, width) {
  const bands = { data: new Int32Array(3 * 1024), length: 0 };
  let before = new Int32Array(height + 2);
  let current = new Int32Array(height + 2);
  let beforeLength = 0;
  let currentLength = 0;
  let column = -1;

  function close() {
    compareColumns(bands, column, before, beforeLength, current, currentLength);
    [before, current] = [current, before];
    beforeLength = currentLength;
    currentLength = 0;
  }
  let end = 0;
  for (let i = 0; i < counts.length; i++) {
    let start = end;
    end += counts[i];
    if (!(i & 1)) continue;
    while (start < end) {
      const x = Math.floor(start / height);
      if (x !== column) {
        if (column >= 0) close();
        if (column >= 0 && x > column + 1) {
          column += 1; // an empty column ends the band before the gap
          close();
        }
        column = x;
      }
      const stop = Math.min(end, (x + 1) * height);
      current[currentLength++] = start - x * height;
      current[currentLength++] = stop - x * height;
      start = stop;
    }
  }
  if (column >= 0) {
    close();
    column += 1;
    if (column < width) close();
  }
  return bands;
}

/**
 * Append the rows in which two columns, each a rising list of changes, differ.
 * @param {Growing} bands
 * @param {number} x
 * @param {Int32Array} a
 * @param {number} aLength
 * @param {Int32Array} b
 * @param {number} bLength
 */
function compareColumns(bands, x, a, aLength, b, bLength) {
  let i = 0;
  let j = 0;
  let open = -1;
  while (i < aLength || j < bLength) {
    let y;
    if (j >= bLength || (i < aLength && a[i] < b[j])) y = a[i++];
    else if (i >= aLength || b[j] < a[i]) y = b[j++];
    else {
      i += 1; // both change here, so whether they differ stays the same
      j += 1;
      continue;
    }
    if (open < 0) {
      open = y;
      continue;
    }
    if (bands.length + 3 > bands.data.length) {
      const grown = new Int32Array(2 * bands.data.length);
      grown.set(bands.data);
      bands.data = grown;
    }
    bands.data[bands.length++] = x;
    bands.data[bands.length++] = open;
    bands.data[bands.length++] = y;
    open = -1;
  }
}

/**
 * Whether a mask covers the image pixel that holds an image point.
 * @param {Mask} mask
 * @param {number} x
 * @param {number} y
 */
export function maskCovers(mask, x, y) {
  const column = Math.floor(x);
  const row = Math.floor(y);
  if (column < 0 || row < 0 || column >= mask.width || row >= mask.height) return false;
  let low = mask.starts[row];
  let high = mask.starts[row + 1];
  const first = low;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (mask.edges[middle] <= column) low = middle + 1;
    else high = middle;
  }
  return ((low - first) & 1) === 1;
}
