// The picture of the open image, kept at halved sizes: shrinking to the screen takes the next larger one, which is both
// fast and free of moiré.

import { readMask } from "../core/mask.js";
import { packColour, paintMask } from "../core/paint.js";

/** @import { Size, Viewport } from "../core/geometry.js" */

/**
 * @typedef {object} Level
 * @property {HTMLImageElement | ImageBitmap} source
 * @property {number} width  px
 * @property {number} height
 */
/** @typedef {{levels: Level[], closed: boolean}} Picture  Levels: largest first. */

const SMALLEST = 128; // px of a side that is not halved any further

/**
 * Load the picture at an address.
 * @param {string} url
 * @returns {Promise<Picture>}
 */
export async function loadPicture(url) {
  const element = new Image();
  element.decoding = "async";
  element.src = url;
  await element.decode();
  const picture = {
    levels: [{ source: element, width: element.naturalWidth, height: element.naturalHeight }],
    closed: false,
  };
  halve(picture);
  return picture;
}

/**
 * Add halved levels one after the other, off the main thread; a picture with fewer levels is only slower to draw.
 * @param {Picture} picture
 */
export async function halve(picture) {
  for (;;) {
    const last = picture.levels[picture.levels.length - 1];
    if (Math.min(last.width, last.height) < SMALLEST) return;
    const width = Math.round(last.width / 2);
    const height = Math.round(last.height / 2);
    let source;
    try {
      source = await createImageBitmap(last.source, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
    } catch {
      return;
    }
    if (picture.closed) return source.close();
    picture.levels.push({ source, width, height });
  }
}

/**
 * Free what a picture holds that is no longer shown; a browser may otherwise keep its bitmaps for long.
 * @param {Picture} picture
 */
export function closePicture(picture) {
  picture.closed = true;
  for (const { source } of picture.levels.splice(1)) if ("close" in source) source.close();
}

/**
 * The smallest level with at least a width in device px.
 * @param {Picture} picture
 * @param {number} width
 */
function pictureLevel(picture, width) {
  let found = picture.levels[0];
  for (const level of picture.levels) if (level.width >= width) found = level;
  return found;
}

/**
 * Draw a picture of an image.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture} picture
 * @param {Size} image  image px
 * @param {Viewport} view  device px
 */
export function drawPicture(context, picture, image, view) {
  const width = image.width * view.scale;
  const height = image.height * view.scale;
  const level = pictureLevel(picture, width);
  // Enlarged pixels are shown as they are, unless the picture is a smaller stand-in for the image.
  context.imageSmoothingEnabled = !(width >= 1.5 * image.width && level.width === image.width);
  context.imageSmoothingQuality = "medium";
  context.drawImage(level.source, view.x, view.y, width, height);
}

/**
 * Draw picture and tinted run lengths into a thumbnail.
 * @param {CanvasRenderingContext2D} context
 * @param {Picture | null} picture
 * @param {Size} image
 * @param {{size: [number, number], counts: string}} wire  covers the whole image
 * @param {[number, number, number]} colour
 */
export function drawThumbnail(context, picture, image, wire, colour) {
  const { canvas } = context;
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  const view = {
    scale,
    x: Math.round((canvas.width - image.width * scale) / 2),
    y: Math.round((canvas.height - image.height * scale) / 2),
  };
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (picture) drawPicture(context, picture, image, view);
  const mask = readMask({ ...wire, box: null, area: 0 });
  const data = new ImageData(mask.width, mask.height);
  const frame = { pixels: new Uint32Array(data.data.buffer), width: mask.width, height: mask.height };
  const thickness = Math.max(1, Math.round(mask.width / canvas.width));
  const style = { tint: packColour(colour, 0.5), outline: packColour(colour, 1), thickness };
  paintMask(frame, { scale: 1, x: 0, y: 0 }, mask, style);
  const layer = new OffscreenCanvas(mask.width, mask.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (layer.getContext("2d")).putImageData(data, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(layer, view.x, view.y, image.width * scale, image.height * scale);
}
