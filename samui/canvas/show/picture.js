// The picture of the open image, kept at halved sizes: shrinking to the screen takes the next larger one, which is both
// fast and free of moiré.

import { packColour, paintMask, readMask } from "../core/mask.js";

/** Load the picture at an address; resolves to {levels}: drawable sources, largest first, widths and heights in px. */
export async function loadPicture(url) {
  const element = new Image();
  element.decoding = "async";
  element.src = url;
  await element.decode();
  const levels = [{ source: element, width: element.naturalWidth, height: element.naturalHeight }];
  const picture = { levels };
  halve(picture);
  return picture;
}

/** Add halved levels one after the other, off the main thread; a picture with fewer levels is only slower to draw. */
async function halve(picture) {
  for (;;) {
    const last = picture.levels[picture.levels.length - 1];
    if (Math.min(last.width, last.height) < 128) return;
    const width = Math.round(last.width / 2);
    const height = Math.round(last.height / 2);
    const options = { resizeWidth: width, resizeHeight: height, resizeQuality: "high" };
    try {
      picture.levels.push({ source: await createImageBitmap(last.source, options), width, height });
    } catch {
      return;
    }
  }
}

/** The smallest level with at least a width in device px. */
function pictureLevel(picture, width) {
  let found = picture.levels[0];
  for (const level of picture.levels) if (level.width >= width) found = level;
  return found;
}

/** Draw a picture of an image (width, height in image px) into a 2D context; view in device px. */
export function drawPicture(context, picture, image, view) {
  const width = image.width * view.scale;
  const height = image.height * view.scale;
  const level = pictureLevel(picture, width);
  // Enlarged pixels are shown as they are, unless the picture is a smaller stand-in for the image.
  context.imageSmoothingEnabled = !(width >= 1.5 * image.width && level.width === image.width);
  context.imageSmoothingQuality = "medium";
  context.drawImage(level.source, view.x, view.y, width, height);
}

/** Draw picture and tinted run lengths into a thumbnail canvas; wire {size, counts} covers the whole image. */
export function drawThumbnail(canvas, picture, image, wire, colour) {
  const context = canvas.getContext("2d");
  const scale = Math.min(canvas.width / image.width, canvas.height / image.height);
  const view = {
    scale,
    x: Math.round((canvas.width - image.width * scale) / 2),
    y: Math.round((canvas.height - image.height * scale) / 2),
  };
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (picture) drawPicture(context, picture, image, view);
  if (!wire) return;
  const mask = readMask(wire);
  const data = new ImageData(mask.width, mask.height);
  const frame = { pixels: new Uint32Array(data.data.buffer), width: mask.width, height: mask.height };
  const thickness = Math.max(1, Math.round(mask.width / canvas.width));
  const style = { tint: packColour(colour, 0.5), outline: packColour(colour, 1), thickness };
  paintMask(frame, { scale: 1, x: 0, y: 0 }, mask, style);
  const layer = new OffscreenCanvas(mask.width, mask.height);
  layer.getContext("2d").putImageData(data, 0, 0);
  context.imageSmoothingEnabled = true;
  context.drawImage(layer, view.x, view.y, image.width * scale, image.height * scale);
}

/** What tells two images apart; the rest of the address changes with the session's token. */
export function pictureName(image) {
  return `${image.url.split("/").pop()} ${image.width} ${image.height}`;
}
