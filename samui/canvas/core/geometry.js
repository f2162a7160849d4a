// Pure geometry. "image": image pixels, origin at the top left corner of the top left pixel. "screen": CSS pixels from
// the top left corner of the canvas element. A view is {scale, x, y}: CSS pixels per image pixel, and where the image's
// origin lies on the screen. toImage is the only conversion from screen to image.

/** @import { Box, Point } from "./messages.js" */

/** @typedef {{x: number, y: number}} At  A place, in image px or CSS px. */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{scale: number, x: number, y: number}} Viewport */

export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
// Device pixels per image pixel at which the zoom buttons stop.
const ZOOM_STEPS = [
  0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.25, 0.33, 0.5, 0.67, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64,
];

/**
 * Screen (CSS px) to image (image px).
 * @param {Viewport} view
 * @param {number} sx
 * @param {number} sy
 * @returns {At}
 */
export function toImage(view, sx, sy) {
  return { x: (sx - view.x) / view.scale, y: (sy - view.y) / view.scale };
}

/**
 * Image (image px) to screen (CSS px).
 * @param {Viewport} view
 * @param {number} x
 * @param {number} y
 * @returns {At}
 */
export function toScreen(view, x, y) {
  return { x: view.x + x * view.scale, y: view.y + y * view.scale };
}

/**
 * Limit a number to [low, high].
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/**
 * View that shows all of the image in the middle; size and margin in CSS px. Small images grow at most 8 times.
 * @param {Size} image
 * @param {Size} size
 * @param {number} margin
 */
export function fitView(image, size, margin) {
  const width = Math.max(1, size.width - 2 * margin);
  const height = Math.max(1, size.height - 2 * margin);
  const scale = Math.min(width / image.width, height / image.height, 8);
  return centreView(image, size, scale);
}

/**
 * View of the whole image's centre at a scale (CSS px per image px).
 * @param {Size} image
 * @param {Size} size
 * @param {number} scale
 * @returns {Viewport}
 */
function centreView(image, size, scale) {
  return { scale, x: (size.width - image.width * scale) / 2, y: (size.height - image.height * scale) / 2 };
}

/**
 * Zoom by a factor; the image point under the screen point (CSS px) stays there. range: [low, high] of the scale.
 * @param {Viewport} view
 * @param {number} factor
 * @param {number} sx
 * @param {number} sy
 * @param {[number, number]} range
 * @returns {Viewport}
 */
export function zoomView(view, factor, sx, sy, range) {
  const scale = clamp(view.scale * factor, range[0], range[1]);
  const at = toImage(view, sx, sy);
  return { scale, x: sx - at.x * scale, y: sy - at.y * scale };
}

/**
 * The next zoom step up (direction 1) or down (-1) from a scale in device px per image px.
 * @param {number} scale
 * @param {number} direction
 */
export function zoomStep(scale, direction) {
  const slack = 1.001;
  if (direction > 0) return ZOOM_STEPS.find((step) => step > scale * slack) || ZOOM_STEPS[ZOOM_STEPS.length - 1];
  return ZOOM_STEPS.filter((step) => step < scale / slack).pop() || ZOOM_STEPS[0];
}

/**
 * Smallest and largest scale (CSS px per image px) for an image on a canvas; ratio: device px per CSS px.
 * @param {Size} image
 * @param {Size} size
 * @param {number} ratio
 * @returns {[number, number]}
 */
export function scaleRange(image, size, ratio) {
  const fit = Math.min(size.width / image.width, size.height / image.height);
  return [Math.min(fit / 2, 1 / ratio), Math.max(64 / ratio, fit)];
}

/**
 * Move a view by CSS px.
 * @param {Viewport} view
 * @param {number} dx
 * @param {number} dy
 * @returns {Viewport}
 */
export function panView(view, dx, dy) {
  return { scale: view.scale, x: view.x + dx, y: view.y + dy };
}

/**
 * Keep some of the image on the canvas; keep in CSS px.
 * @param {Viewport} view
 * @param {Size} image
 * @param {Size} size
 * @param {number} keep
 * @returns {Viewport}
 */
export function clampView(view, image, size, keep) {
  return {
    scale: view.scale,
    x: clamp(view.x, keep - image.width * view.scale, size.width - keep),
    y: clamp(view.y, keep - image.height * view.scale, size.height - keep),
  };
}

/**
 * Put the image's origin on a whole device pixel, so that pixel edges are sharp; ratio: device px per CSS px.
 * @param {Viewport} view
 * @param {number} ratio
 * @returns {Viewport}
 */
export function snapView(view, ratio) {
  return { scale: view.scale, x: Math.round(view.x * ratio) / ratio, y: Math.round(view.y * ratio) / ratio };
}

/**
 * The same view in device pixels.
 * @param {Viewport} view
 * @param {number} ratio
 * @returns {Viewport}
 */
export function deviceView(view, ratio) {
  return { scale: view.scale * ratio, x: Math.round(view.x * ratio), y: Math.round(view.y * ratio) };
}

/**
 * The view after two fingers moved from a, b to c, d (screen points).
 * @param {Viewport} view
 * @param {At} a
 * @param {At} b
 * @param {At} c
 * @param {At} d
 * @param {[number, number]} range
 */
export function pinchView(view, a, b, c, d, range) {
  const before = Math.hypot(b.x - a.x, b.y - a.y);
  const after = Math.hypot(d.x - c.x, d.y - c.y);
  const from = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const to = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2 };
  const zoomed = zoomView(view, before > 0 ? after / before : 1, from.x, from.y, range);
  return panView(zoomed, to.x - from.x, to.y - from.y);
}

/**
 * Whether an image point lies on the image; slack in image px.
 * @param {Size} image
 * @param {At} at
 * @param {number} slack
 */
export function insideImage(image, at, slack) {
  return at.x >= -slack && at.y >= -slack && at.x <= image.width + slack && at.y <= image.height + slack;
}

/**
 * The nearest point of the image to an image point.
 * @param {Size} image
 * @param {At} at
 * @returns {At}
 */
export function clampPoint(image, at) {
  return { x: clamp(at.x, 0, image.width), y: clamp(at.y, 0, image.height) };
}

/**
 * Box [x0, y0, x1, y1] between two image points, inside the image.
 * @param {Size} image
 * @param {At} a
 * @param {At} b
 * @returns {Box}
 */
export function boxBetween(image, a, b) {
  const p = clampPoint(image, a);
  const q = clampPoint(image, b);
  return [Math.min(p.x, q.x), Math.min(p.y, q.y), Math.max(p.x, q.x), Math.max(p.y, q.y)];
}

/**
 * Whether a box is large enough to be meant: 3 CSS px and 1 image px on both sides.
 * @param {Box} box
 * @param {number} scale
 */
export function boxIsMeant(box, scale) {
  const least = Math.max(1, 3 / scale);
  return box[2] - box[0] >= least && box[3] - box[1] >= least;
}

/**
 * Screen position of a box's handle.
 * @param {Box} box
 * @param {Viewport} view
 * @param {string} handle
 */
export function handlePosition(box, view, handle) {
  const x = handle.includes("w") ? box[0] : handle.includes("e") ? box[2] : (box[0] + box[2]) / 2;
  const y = handle.includes("n") ? box[1] : handle.includes("s") ? box[3] : (box[1] + box[3]) / 2;
  return toScreen(view, x, y);
}

/**
 * Box after its handle moved to an image point; sides that cross swap places.
 * @param {Size} image
 * @param {Box} box
 * @param {string} handle
 * @param {At} at
 * @returns {Box}
 */
export function resizeBox(image, box, handle, at) {
  const to = clampPoint(image, at);
  const x0 = handle.includes("w") ? to.x : box[0];
  const x1 = handle.includes("e") ? to.x : box[2];
  const y0 = handle.includes("n") ? to.y : box[1];
  const y1 = handle.includes("s") ? to.y : box[3];
  return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
}

/**
 * Box moved by image px, stopped at the image's border.
 * @param {Size} image
 * @param {Box} box
 * @param {number} dx
 * @param {number} dy
 * @returns {Box}
 */
export function moveBox(image, box, dx, dy) {
  const mx = clamp(dx, -box[0], image.width - box[2]);
  const my = clamp(dy, -box[1], image.height - box[3]);
  return [box[0] + mx, box[1] + my, box[2] + mx, box[3] + my];
}

/**
 * Index of the nearest point [x, y, label] within radius (CSS px) of a screen point, or -1.
 * @param {Point[]} points
 * @param {Viewport} view
 * @param {number} sx
 * @param {number} sy
 * @param {number} radius
 */
export function hitPoint(points, view, sx, sy, radius) {
  let found = -1;
  let nearest = radius;
  points.forEach((point, index) => {
    const at = toScreen(view, point[0], point[1]);
    const distance = Math.hypot(at.x - sx, at.y - sy);
    if (distance <= nearest) {
      nearest = distance;
      found = index;
    }
  });
  return found;
}

/**
 * Name of the handle within radius (CSS px) of a screen point, "body" inside the box, "" elsewhere.
 * @param {Box} box
 * @param {Viewport} view
 * @param {number} sx
 * @param {number} sy
 * @param {number} radius
 */
export function hitBox(box, view, sx, sy, radius) {
  let found = "";
  let nearest = radius;
  for (const handle of HANDLES) {
    const at = handlePosition(box, view, handle);
    const distance = Math.hypot(at.x - sx, at.y - sy);
    if (distance <= nearest) {
      nearest = distance;
      found = handle;
    }
  }
  if (found) return found;
  const at = toImage(view, sx, sy);
  return at.x > box[0] && at.x < box[2] && at.y > box[1] && at.y < box[3] ? "body" : "";
}
