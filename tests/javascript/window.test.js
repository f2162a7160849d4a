// Which rows of a long list are there, and which parts of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createParts, rowsInSight, scrollFor } from "../../samui/canvas/core/window.js";

const LIST = { height: 520, row: 52, count: 50000 };

for (const [name, list, expected] of [
  ["the beginning", { ...LIST, top: 0 }, { first: 0, end: 14 }],
  ["the middle", { ...LIST, top: 52 * 1000 }, { first: 996, end: 1014 }],
  ["half a row", { ...LIST, top: 26 }, { first: 0, end: 15 }],
  ["the end", { ...LIST, top: 52 * 49990 }, { first: 49986, end: 50000 }],
  ["beyond the end, as after a filter", { ...LIST, count: 3, top: 52 * 49990 }, { first: 3, end: 3 }],
  ["no rows", { ...LIST, count: 0, top: 0 }, { first: 0, end: 0 }],
  ["a list that is folded away", { ...LIST, height: 0, top: 0 }, { first: 0, end: 4 }],
]) {
  test(`rows in sight: ${name}`, () => assert.deepEqual(rowsInSight(list), expected));
}

test("every scroll position shows what is in sight, and few rows more", () => {
  for (let top = 0; top < 52 * 50000 - 520; top += 9973) {
    const { first, end } = rowsInSight({ ...LIST, top });
    assert.ok(first * 52 <= top && end * 52 >= top + 520);
    assert.ok(end - first <= 20);
  }
});

test("a list of 50,000 rows is lower than what a browser can have", () => {
  assert.ok(LIST.row * LIST.count < 33554428);
});

for (const [name, list, index, expected] of [
  ["in sight", { ...LIST, top: 1000 }, 22, 1000],
  ["above", { ...LIST, top: 52 * 500 }, 100, 52 * 100 - 234],
  ["below", { ...LIST, top: 0 }, 100, 52 * 100 - 234],
  ["half in sight", { ...LIST, top: 26 }, 0, 0],
  ["the last one", { ...LIST, top: 0 }, 49999, 52 * 50000 - 520],
  ["the only one", { ...LIST, count: 1, top: 0 }, 0, 0],
]) {
  test(`a row is scrolled to: ${name}`, () => assert.equal(scrollFor(list, index), expected));
}

test("parts are asked for where they are missing, once, and only so many are kept", () => {
  const parts = createParts(100, 3);
  assert.deepEqual(parts.missing({ first: 90, end: 210 }), [0, 1, 2]);
  assert.deepEqual(parts.missing({ first: 100, end: 200 }), [1]);
  assert.deepEqual(parts.missing({ first: 0, end: 0 }), []);
  parts.put(0, ["a", "b"]);
  assert.deepEqual(parts.missing({ first: 90, end: 210 }), [1, 2]);
  assert.equal(parts.row(1), "b");
  assert.equal(parts.row(2), undefined);
  assert.equal(parts.row(150), undefined);
  for (const part of [1, 2, 3]) parts.put(part, [`${part}`]);
  assert.equal(parts.kept(), 3);
  assert.equal(parts.row(0), undefined);
  assert.equal(parts.row(300), "3");
  parts.clear();
  assert.equal(parts.kept(), 0);
});

test("a row that has changed is replaced wherever it stands", () => {
  const parts = createParts(2, 9);
  parts.put(0, [{ image: "a" }, { image: "b" }]);
  parts.put(1, [{ image: "c" }]);
  const newer = { image: "c", state: "done" };
  parts.replace(newer, ({ image }) => image === "c");
  assert.equal(parts.row(2), newer);
  assert.deepEqual(parts.row(1), { image: "b" });
});
