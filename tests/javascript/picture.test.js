// The picture at halved sizes, and what becomes of them when another one is shown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { closePicture, halve } from "../../samui/canvas/show/picture.js";
import { settle } from "./time.js";

/** A browser that makes bitmaps when the test says so. */
function browser(t) {
  const made = [];
  const waiting = [];
  globalThis.createImageBitmap = (source, { resizeWidth }) =>
    new Promise((resolve, reject) => {
      const bitmap = { from: source, width: resizeWidth, closed: false, close: () => (bitmap.closed = true) };
      waiting.push({ give: () => made.push(bitmap) && resolve(bitmap), refuse: reject });
    });
  t.after(() => delete globalThis.createImageBitmap);
  return { made, waiting };
}

const picture = () => ({ levels: [{ source: { photo: true }, width: 1000, height: 600 }], closed: false });

test("each level is half of the one before, down to the smallest", async (t) => {
  const { waiting } = browser(t);
  const shown = picture();
  const done = halve(shown);
  for (let i = 0; i < 3; i++) {
    waiting[i].give();
    await settle();
  }
  await done;
  assert.deepEqual(shown.levels.map(({ width, height }) => [width, height]), [[1000, 600], [500, 300], [250, 150], [125, 75]]);
});

test("bitmaps of a picture that is shown no more are closed, and the photo itself is left", async (t) => {
  const { made, waiting } = browser(t);
  const shown = picture();
  halve(shown);
  for (let i = 0; i < 2; i++) {
    waiting[i].give();
    await settle();
  }
  closePicture(shown);
  assert.deepEqual(made.map(({ closed }) => closed), [true, true]);
  assert.deepEqual(shown.levels.map(({ width }) => width), [1000]);
});

test("a bitmap that is ready too late is closed, and none is made after it", async (t) => {
  const { made, waiting } = browser(t);
  const shown = picture();
  const done = halve(shown);
  closePicture(shown);
  waiting[0].give();
  await done;
  assert.deepEqual([made[0].closed, waiting.length, shown.levels.length], [true, 1, 1]);
});

test("a browser that makes no bitmap leaves the picture as it is", async (t) => {
  const { waiting } = browser(t);
  const shown = picture();
  const done = halve(shown);
  waiting[0].refuse(new Error("no memory"));
  await done;
  assert.equal(shown.levels.length, 1);
});
