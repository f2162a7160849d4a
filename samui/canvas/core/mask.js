// Pure: COCO run lengths to rows, and rows to device pixels. Runs go column by column and start with zeros (format:
// cocoapi common/maskApi.c). A mask is kept as the places in each row where it changes, so that painting it costs time
// in its outline and filled memory, not in image pixels.

/** Run lengths of a COCO compressed string, as Uint32Array. */
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

/** Mask of a reply {size: [H, W], counts, box, area} as {width, height, box, area, starts, edges}; see changesByRow. */
export function readMask(wire) {
  const [height, width] = wire.size;
  const rows = changesByRow(parseCounts(wire.counts), height, width);
  return { width, height, box: wire.box || [0, 0, width, height], area: wire.area, ...rows };
}

/**
 * Runs to {starts, edges}: edges[starts[y] .. starts[y + 1]] are the rising x (image px) at which row y changes between
 * outside and inside; a row that ends inside has an odd number of them.
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

/** Triples (x, y0, y1): column x differs from column x - 1 in rows y0 to y1; rising x, {data: Int32Array, length}. */
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
          column += 1; // an empty column ends what stood before the gap
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

/** Append the rows in which two columns, each a rising list of changes, differ. */
function compareColumns(bands, x, a, aLength, b, bLength) {
  let i = 0;
  let j = 0;
  let open = -1;
  while (i < aLength || j < bLength) {
    let y;
    if (j >= bLength || (i < aLength && a[i] < b[j])) y = a[i++];
    else if (i >= aLength || b[j] < a[i]) y = b[j++];
    else {
      i += 1; // both change here, so whether they differ does not
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

/** Whether a mask covers the image pixel that holds an image point. */
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

/** RGBA bytes as the Uint32 of an ImageData (little endian on every browser); alpha from 0 to 1. */
export function packColour([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** [red, green, blue] of "#rrggbb". */
export function parseColour(text) {
  const value = parseInt(text.slice(1), 16) || 0;
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** First device pixel whose centre is at or beyond an image coordinate; origin, scale in device px. */
function devicePixel(coordinate, origin, scale) {
  return Math.ceil(coordinate * scale + origin - 0.5);
}

/**
 * Paint a mask into a frame {pixels: Uint32Array, width, height} (device px) by nearest sampling.
 * view: in device px. style: {tint, outline: packed colours (tint 0 leaves pixels as they are), thickness: device px}.
 * Returns the painted rectangle [x0, y0, x1, y1] in device px, or null.
 */
export function paintMask(frame, view, mask, style) {
  const { width, height } = frame;
  const { scale } = view;
  const reach = style.thickness;
  const top = devicePixel(mask.box[1], view.y, scale);
  const bottom = devicePixel(mask.box[3], view.y, scale);
  const x0 = Math.max(0, devicePixel(mask.box[0], view.x, scale));
  const x1 = Math.min(width, devicePixel(mask.box[2], view.x, scale));
  const y0 = Math.max(0, top);
  const y1 = Math.min(height, bottom);
  if (x0 >= x1 || y0 >= y1) return null;

  // Spans of each device row, those just outside of the frame too: the outline must not follow the frame's border.
  const count = y1 - y0 + 2 * reach;
  const from = new Int32Array(count); // where the spans of a row begin and end in spans.data
  const to = new Int32Array(count);
  const spans = { data: new Int32Array(1024), length: 0 };
  let lastRow = -1;
  for (let i = 0; i < count; i++) {
    const y = y0 - reach + i;
    if (y < top || y >= bottom) continue;
    const row = Math.floor((y + 0.5 - view.y) / scale);
    if (row === lastRow) {
      from[i] = from[i - 1]; // the same image row again
      to[i] = to[i - 1];
      continue;
    }
    lastRow = row;
    from[i] = spans.length;
    appendSpans(spans, mask, row, view, -reach, width + reach);
    to[i] = spans.length;
  }
  const longest = spans.length;
  let inner = { data: new Int32Array(longest), length: 0 };
  let spare = { data: new Int32Array(longest), length: 0 };
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

/** Append the rising start, end, start, end ... in device px of one image row, clipped to [low, high]. */
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
    // A gap that falls between two device pixels is none.
    if (spans.length > first && data[spans.length - 1] === a) data[spans.length - 1] = b;
    else {
      data[spans.length++] = a;
      data[spans.length++] = b;
    }
  }
}

/** What spans {data, length} share with other[from .. to]; the answer goes into `shared`. */
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

/** Fill one device row: tint where inner reaches, less the thickness at the ends of spans, and outline in the rest. */
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

/** Fill [from, to) of one row, clipped to the frame. */
function fillRow(pixels, offset, width, from, to, value) {
  const a = offset + Math.max(0, from);
  const b = offset + Math.min(width, to);
  if (b - a > 16) pixels.fill(value, a, b);
  else for (let i = a; i < b; i++) pixels[i] = value;
}
