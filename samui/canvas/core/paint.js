// Pure: masks to device pixels. Painting time grows with a mask's outline and the filled memory, not with image pixels.

/** @import { Viewport } from "./geometry.js" */
/** @import { Growing, Mask } from "./mask.js" */

/** @typedef {[red: number, green: number, blue: number]} Colour  0 to 255. */
/** @typedef {[x0: number, y0: number, x1: number, y1: number]} Rectangle  Device px. */
/** @typedef {{pixels: Uint32Array, width: number, height: number}} Frame  Device px, each packed by packColour. */
/** @typedef {{tint: number, outline: number, thickness: number}} Style  Packed colours; tint 0 leaves pixels as they are; device px. */

/**
 * RGBA bytes as the Uint32 of an ImageData (little endian on every browser); alpha from 0 to 1.
 * @param {Colour} colour
 * @param {number} alpha
 */
export function packColour([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * [red, green, blue] of "#rrggbb".
 * @param {string} text
 * @returns {Colour}
 */
export function parseColour(text) {
  const value = parseInt(text.slice(1), 16) || 0;
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * First device pixel whose centre is at or beyond an image coordinate; origin, scale in device px.
 * @param {number} coordinate
 * @param {number} origin
 * @param {number} scale
 */
function devicePixel(coordinate, origin, scale) {
  return Math.ceil(coordinate * scale + origin - 0.5);
}

/**
 * Paint a mask into a frame by nearest sampling. Returns the rectangle that was painted, or null.
 * @param {Frame} frame
 * @param {Viewport} view  device px
 * @param {Mask} mask
 * @param {Style} style
 * @returns {Rectangle | null}
 */
export function paintMask(frame, view, mask, style) {
  const { width, height } = frame;
  const x0 = Math.max(0, devicePixel(mask.box[0], view.x, view.scale));
  const x1 = Math.min(width, devicePixel(mask.box[2], view.x, view.scale));
  const y0 = Math.max(0, devicePixel(mask.box[1], view.y, view.scale));
  const y1 = Math.min(height, devicePixel(mask.box[3], view.y, view.scale));
  if (x0 >= x1 || y0 >= y1) return null;

  const reach = style.thickness;
  const { spans, from, to } = spansOfRows(mask, view, y0 - reach, y1 + reach, [-reach, width + reach]);
  let inner = { data: new Int32Array(spans.length), length: 0 };
  let spare = { data: new Int32Array(spans.length), length: 0 };
  for (let y = y0; y < y1; y++) {
    const middle = y - y0 + reach;
    const start = from[middle];
    const end = to[middle];
    if (start === end) continue;
    inner.data.set(spans.data.subarray(start, end));
    inner.length = end - start;
    for (let i = middle - reach; i <= middle + reach; i++) {
      if (from[i] === start && to[i] === end) continue;
      if (i > middle - reach && from[i] === from[i - 1] && to[i] === to[i - 1]) continue;
      intersectSpans(inner, spans.data, from[i], to[i], spare);
      [inner, spare] = [spare, inner];
    }
    paintRow(frame.pixels, y * width, width, spans.data, start, end, inner, style);
  }
  return [x0, y0, x1, y1];
}

/**
 * Spans of the device rows from y0 to y1, and of those just outside the frame: the outline must not follow its border.
 * from, to: where the spans of each row begin and end in spans.data.
 * @param {Mask} mask
 * @param {Viewport} view  device px
 * @param {number} y0
 * @param {number} y1
 * @param {[low: number, high: number]} range  of x
 */
function spansOfRows(mask, view, y0, y1, [low, high]) {
  const top = devicePixel(mask.box[1], view.y, view.scale);
  const bottom = devicePixel(mask.box[3], view.y, view.scale);
  const from = new Int32Array(y1 - y0);
  const to = new Int32Array(y1 - y0);
  const spans = { data: new Int32Array(1024), length: 0 };
  let lastRow = -1;
  for (let i = Math.max(0, top - y0); i < Math.min(y1, bottom) - y0; i++) {
    const row = Math.floor((y0 + i + 0.5 - view.y) / view.scale);
    if (row === lastRow) {
      from[i] = from[i - 1]; // still the same image row
      to[i] = to[i - 1];
      continue;
    }
    lastRow = row;
    from[i] = spans.length;
    appendSpans(spans, mask, row, view, low, high);
    to[i] = spans.length;
  }
  return { spans, from, to };
}

/**
 * Append the rising start, end, start, end ... in device px of one image row, clipped to [low, high].
 * @param {Growing} spans
 * @param {Mask} mask
 * @param {number} row
 * @param {Viewport} view
 * @param {number} low
 * @param {number} high
 */
function appendSpans(spans, mask, row, view, low, high) {
  if (row < 0 || row >= mask.height) return;
  const first = spans.length;
  const last = mask.starts[row + 1];
  const most = first + last - mask.starts[row] + 1;
  if (most > spans.data.length) {
    const grown = new Int32Array(2 * most);
    grown.set(spans.data);
    spans.data = grown;
  }
  const { data } = spans;
  for (let i = mask.starts[row]; i < last; i += 2) {
    const right = i + 1 < last ? mask.edges[i + 1] : mask.width;
    const a = Math.max(low, devicePixel(mask.edges[i], view.x, view.scale));
    const b = Math.min(high, devicePixel(right, view.x, view.scale));
    if (a >= high) break;
    if (a >= b) continue;
    // A gap that falls between two device pixels does not count.
    if (spans.length > first && data[spans.length - 1] === a) data[spans.length - 1] = b;
    else {
      data[spans.length++] = a;
      data[spans.length++] = b;
    }
  }
}

/**
 * The part of spans {data, length} inside other[from .. to]; written into `shared`.
 * @param {Growing} spans
 * @param {Int32Array} other
 * @param {number} from
 * @param {number} to
 * @param {Growing} shared
 */
function intersectSpans(spans, other, from, to, shared) {
  const { data, length } = spans;
  const result = shared.data;
  let count = 0;
  for (let i = 0, j = from; i < length && j < to; ) {
    const start = Math.max(data[i], other[j]);
    const end = Math.min(data[i + 1], other[j + 1]);
    if (start < end) {
      result[count++] = start;
      result[count++] = end;
    }
    if (data[i + 1] < other[j + 1]) i += 2;
    else j += 2;
  }
  shared.length = count;
}

/**
 * Fill one device row: tint inside `inner`, except within the thickness of the ends of spans, and outline elsewhere.
 * @param {Uint32Array} pixels
 * @param {number} offset
 * @param {number} width
 * @param {Int32Array} spans
 * @param {number} start
 * @param {number} end
 * @param {Growing} inner
 * @param {Style} style
 */
function paintRow(pixels, offset, width, spans, start, end, inner, style) {
  const { thickness, tint, outline } = style;
  let j = 0;
  for (let i = start; i < end; i += 2) {
    let from = spans[i];
    const to = spans[i + 1];
    while (j < inner.length && inner.data[j] < to) {
      const a = Math.max(inner.data[j], spans[i] + thickness);
      const b = Math.min(inner.data[j + 1], to - thickness);
      j += 2;
      if (a >= b) continue;
      fillRow(pixels, offset, width, from, a, outline);
      if (tint) fillRow(pixels, offset, width, a, b, tint);
      from = b;
    }
    fillRow(pixels, offset, width, from, to, outline);
  }
}

/**
 * Fill [from, to) of one row, clipped to the frame.
 * @param {Uint32Array} pixels
 * @param {number} offset
 * @param {number} width
 * @param {number} from
 * @param {number} to
 * @param {number} value
 */
function fillRow(pixels, offset, width, from, to, value) {
  const a = offset + Math.max(0, from);
  const b = offset + Math.min(width, to);
  if (b - a > 16) pixels.fill(value, a, b);
  else for (let i = a; i < b; i++) pixels[i] = value;
}
