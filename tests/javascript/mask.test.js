// Masks as the server sends them, read and painted as they are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { maskCovers, parseCounts, readMask } from "../../samui/canvas/core/mask.js";
import { packColour, paintMask, parseColour } from "../../samui/canvas/core/paint.js";
import { MASKS, compress, numbers, shape, wire } from "./masks.js";

const TINT = 0x80ff0000;
const OUTLINE = 0xff00ff00;

/** What nearest sampling gives: the outline where the outside is within `thickness` device px up, down or aside. */
function expected({ width: w, height: h, inside }, view, width, height, thickness) {
  const shown = (x, y) => {
    const u = Math.floor((x + 0.5 - view.x) / view.scale);
    const v = Math.floor((y + 0.5 - view.y) / view.scale);
    return u >= 0 && v >= 0 && u < w && v < h && inside(u, v);
  };
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!shown(x, y)) continue;
      let inner = true;
      for (let d = -thickness; d <= thickness; d++) inner = inner && shown(x + d, y) && shown(x, y + d);
      pixels[y * width + x] = inner ? TINT : OUTLINE;
    }
  }
  return pixels;
}

function paint(mask, view, width, height, { thickness = 2, tint = TINT } = {}) {
  const frame = { pixels: new Uint32Array(width * height), width, height };
  const dirty = paintMask(frame, view, readMask(mask), { tint, outline: OUTLINE, thickness });
  return { pixels: frame.pixels, dirty };
}

for (const told of MASKS) {
  test(`every pixel is covered as in the mask: ${told.name}`, () => {
    const { width, height, inside } = shape(told);
    const mask = readMask(told);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) assert.equal(maskCovers(mask, x + 0.5, y + 0.5), inside(x, y), `${x}, ${y}`);
    }
  });

  test(`the encoder of these tests writes what the server does: ${told.name}`, () => {
    const { width, height, inside } = shape(told);
    const { size, counts, box, area } = told;
    assert.deepEqual(wire(width, height, inside), { size, counts, box, area });
  });
}

test("nothing outside of the image is covered", () => {
  const mask = readMask(wire(6, 4, () => true));
  const places = [[-0.01, 1], [6, 1], [1, -0.01], [1, 4], [5.99, 3.99]];
  assert.deepEqual(places.map(([x, y]) => maskCovers(mask, x, y)), [false, false, false, false, true]);
});

test("run lengths of all sizes come back from their string, falling and rising", () => {
  const random = numbers(3);
  const counts = Array.from({ length: 5000 }, () => Math.floor(Math.exp(17 * random()) - 0.5));
  assert.ok(Math.max(...counts) > 1e7);
  assert.ok(counts.includes(0));
  assert.deepEqual([...parseCounts(compress(counts))], counts);
});

for (const thickness of [1, 2, 3]) {
  test(`painting samples the nearest pixel at any view, outline ${thickness}`, () => {
    const random = numbers(11 * thickness);
    for (const told of MASKS) {
      const view = {
        scale: Math.exp(-1.5 + 4 * random()),
        x: Math.floor(-30 + 70 * random()),
        y: Math.floor(-30 + 70 * random()),
      };
      const { pixels } = paint(told, view, 70, 50, { thickness });
      assert.deepEqual(pixels, expected(shape(told), view, 70, 50, thickness), `${told.name} at ${JSON.stringify(view)}`);
    }
  });
}

test("at eight times each pixel is a square of eight", () => {
  const { pixels, dirty } = paint(wire(6, 6, (x, y) => x === y), { scale: 8, x: 3, y: 5 }, 60, 60);
  assert.equal(pixels.filter(Boolean).length, 6 * 64);
  assert.deepEqual(dirty, [3, 5, 51, 53]);
  for (let y = 0; y < 60; y++) {
    for (let x = 0; x < 60; x++) {
      const on = x >= 3 && y >= 5 && x < 51 && y < 53 && (x - 3) >> 3 === (y - 5) >> 3;
      assert.equal(pixels[60 * y + x] !== 0, on);
    }
  }
});

test("a mask cut by the canvas has no outline there", () => {
  const { pixels } = paint(wire(20, 20, () => true), { scale: 10, x: -50, y: -50 }, 40, 30);
  assert.ok(pixels.every((pixel) => pixel === TINT));
});

test("without a tint only the outline is painted and the rest left alone", () => {
  const { pixels } = paint(wire(6, 6, () => true), { scale: 4, x: 4, y: 4 }, 32, 32, { thickness: 1, tint: 0 });
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 32; x++) {
      const on = x >= 4 && y >= 4 && x < 28 && y < 28 && !(x >= 5 && y >= 5 && x < 27 && y < 27);
      assert.equal(pixels[32 * y + x], on ? OUTLINE : 0);
    }
  }
});

test("a mask out of sight paints nothing", () => {
  const { pixels, dirty } = paint(wire(5, 5, () => true), { scale: 2, x: 100, y: 0 }, 40, 40);
  assert.equal(dirty, null);
  assert.ok(pixels.every((pixel) => pixel === 0));
});

test("colours are packed as an image holds them", () => {
  assert.equal(packColour(parseColour("#102030"), 1), 0xff302010);
  assert.deepEqual([...new Uint8Array(new Uint32Array([packColour([1, 2, 3], 0.5)]).buffer)], [1, 2, 3, 128]);
});
