// Screen and image, zoom and fit, boxes and what is hit.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as geometry from "../../samui/canvas/core/geometry.js";
import { numbers } from "./masks.js";

const { boxBetween, boxIsMeant, fitView, hitBox, hitPoint, moveBox, pinchView, resizeBox, snapView, toImage, toScreen } =
  geometry;

function near(value, wanted, slack = 1e-6) {
  assert.ok(Math.abs(value - wanted) <= slack, `must be ${wanted} within ${slack}, got ${value}`);
}

function views(seed, count) {
  const random = numbers(seed);
  const between = (low, high) => low + (high - low) * random();
  const view = () => ({ scale: Math.exp(between(-4, 4)), x: between(-5000, 5000), y: between(-5000, 5000) });
  return Array.from({ length: count }, () => ({ view: view(), between }));
}

test("image to screen and back is exact to a millionth of a pixel", () => {
  for (const { view, between } of views(1, 500)) {
    const [x, y] = [between(0, 8000), between(0, 6000)];
    const screen = toScreen(view, x, y);
    const back = toImage(view, screen.x, screen.y);
    near(back.x, x);
    near(back.y, y);
  }
});

test("to image is the inverse of scale and offset", () => {
  assert.deepEqual(toImage({ scale: 4, x: 10, y: -30 }, 12, 0), { x: 0.5, y: 7.5 });
});

test("zoom keeps the image point under the pointer", () => {
  for (const { view, between } of views(2, 200)) {
    const [sx, sy, factor] = [between(0, 1200), between(0, 800), Math.exp(between(-2, 2))];
    const before = toImage(view, sx, sy);
    const zoomed = geometry.zoomView(view, factor, sx, sy, [1e-9, 1e9]);
    const after = toImage(zoomed, sx, sy);
    near(zoomed.scale / view.scale, factor);
    near(after.x, before.x);
    near(after.y, before.y);
  }
});

test("zoom stops at the ends of its range", () => {
  const view = { scale: 1, x: 0, y: 0 };
  assert.equal(geometry.zoomView(view, 1000, 5, 5, [0.1, 8]).scale, 8);
  assert.equal(geometry.zoomView(view, 1e-6, 5, 5, [0.1, 8]).scale, 0.1);
});

for (const [image, size] of [
  [[4000, 3000], [1200, 800]],
  [[300, 4000], [390, 500]],
  [[1, 1], [800, 600]],
  [[30000, 1], [800, 600]],
]) {
  test(`fit shows the whole image in the middle: ${image.join("x")} on ${size.join("x")}`, () => {
    const view = fitView({ width: image[0], height: image[1] }, { width: size[0], height: size[1] }, 12);
    const [left, right] = [view.x, size[0] - view.x - image[0] * view.scale];
    const [top, bottom] = [view.y, size[1] - view.y - image[1] * view.scale];
    near(left, right);
    near(top, bottom);
    assert.ok(Math.min(left, top) >= 12 - 1e-9);
    assert.ok(view.scale <= 8);
  });
}

for (const ratio of [1, 1.25, 1.5, 2, 3]) {
  test(`a snapped view starts on a whole device pixel less than one away, ratio ${ratio}`, () => {
    for (const { view } of views(3, 50)) {
      const snapped = snapView(view, ratio);
      near(snapped.x * ratio, Math.round(snapped.x * ratio));
      near(snapped.x, view.x, 0.5 / ratio + 1e-9);
      assert.equal(snapped.scale, view.scale);
    }
  });
}

test("two fingers hold the two image points under them", () => {
  const view = { scale: 0.5, x: 40, y: 20 };
  const [a, b, c, d] = [[100, 100], [200, 200], [80, 90], [330, 340]].map(([x, y]) => ({ x, y }));
  const pinched = pinchView(view, a, b, c, d, [0.01, 100]);
  near(pinched.scale, 0.5 * 2.5);
  for (const [before, after] of [[a, c], [b, d]]) {
    const start = toImage(view, before.x, before.y);
    const end = toImage(pinched, after.x, after.y);
    near(end.x, start.x);
    near(end.y, start.y);
  }
});

test("zoom steps go through whole numbers", () => {
  const steps = [];
  for (let scale = 0.9; steps.length < 8; ) {
    scale = geometry.zoomStep(scale, 1);
    steps.push(scale);
  }
  assert.deepEqual(steps, [1, 1.5, 2, 3, 4, 6, 8, 12]);
  assert.equal(geometry.zoomStep(8, -1), 6);
});

test("a box between two points is ordered and inside the image", () => {
  assert.deepEqual(boxBetween({ width: 100, height: 50 }, { x: 120, y: 40 }, { x: -3, y: 10 }), [0, 10, 100, 40]);
});

test("a box handle that crosses over turns the box", () => {
  const image = { width: 100, height: 100 };
  assert.deepEqual(resizeBox(image, [20, 20, 40, 40], "e", { x: 10, y: 99 }), [10, 20, 20, 40]);
  assert.deepEqual(resizeBox(image, [20, 20, 40, 40], "nw", { x: 60, y: 50 }), [40, 40, 60, 50]);
});

test("a moved box keeps its size at the border", () => {
  assert.deepEqual(moveBox({ width: 100, height: 100 }, [20, 20, 40, 50], 500, -500), [80, 0, 100, 30]);
});

for (const [screen, hit] of [
  [[20, 20], "nw"], [[60, 22], "n"], [[101, 99], "se"], [[60, 60], "body"], [[150, 60], ""], [[19, 61], "w"],
]) {
  test(`the box is hit at handles before its body: ${screen} is ${hit || "outside"}`, () => {
    assert.equal(hitBox([10, 10, 50, 50], { scale: 2, x: 0, y: 0 }, ...screen, 8), hit);
  });
}

test("the nearest point is hit", () => {
  const points = [[10, 10, 1], [12, 10, 0], [90, 90, 1]];
  const view = { scale: 1, x: 0, y: 0 };
  assert.equal(hitPoint(points, view, 11.5, 10, 8), 1);
  assert.equal(hitPoint(points, view, 50, 50, 8), -1);
});

for (const [box, scale, meant] of [
  [[0, 0, 10, 10], 1, true], [[0, 0, 2, 10], 1, false], [[0, 0, 2, 2], 8, true], [[0, 0, 0.5, 9], 8, false],
]) {
  test(`a box must have three screen pixels and one image pixel: ${box} at ${scale}`, () => {
    assert.equal(boxIsMeant(box, scale), meant);
  });
}

test("the view is kept on the canvas, and its range goes from half the fit to 64 device pixels", () => {
  const [image, size] = [{ width: 100, height: 50 }, { width: 200, height: 200 }];
  assert.deepEqual(geometry.clampView({ scale: 1, x: 999, y: -999 }, image, size, 48), { scale: 1, x: 152, y: -2 });
  assert.deepEqual(geometry.scaleRange(image, size, 2), [0.5, 32]);
});
