// What the page says of a folder, which keys its labels have, and how fast it is worked through.

import assert from "node:assert/strict";
import { test } from "node:test";

import { paceText } from "../../samui/canvas/core/pace.js";
import {
  countsText, createWorkspace, isFiltering, keysOf, labelOfKey, moved, placeText,
} from "../../samui/canvas/core/workspace.js";

const label = (name, key = "") => ({ name, key, colour: "#123456", objects: 0 });
const named = (text) => [...text].map((name) => label(name));

test("labels have the digits in their order, past those that are given to one", () => {
  assert.deepEqual(keysOf(named("abc")), ["1", "2", "3"]);
  assert.deepEqual(keysOf([label("a"), label("b", "1"), label("c", "q"), label("d")]), ["2", "1", "q", "3"]);
  assert.deepEqual(keysOf(named("abcdefghijk")).slice(8), ["9", "", ""]);
});

test("a key chooses the label that shows it, and no other", () => {
  const labels = [label("a"), label("b", "1"), label("c", "q")];
  assert.equal(labelOfKey(labels, "1").name, "b");
  assert.equal(labelOfKey(labels, "2").name, "a");
  assert.equal(labelOfKey(labels, "Q").name, "c");
  assert.equal(labelOfKey(labels, "3"), undefined);
  assert.equal(labelOfKey(named("abcdefghijk"), ""), undefined);
});

test("a label moves among the others, and stops at the ends", () => {
  assert.deepEqual(moved(named("abc"), "a", 1), ["b", "a", "c"]);
  assert.deepEqual(moved(named("abc"), "c", -1), ["a", "c", "b"]);
  assert.deepEqual(moved(named("abc"), "a", -1), ["a", "b", "c"]);
  assert.deepEqual(moved(named("abc"), "c", 1), ["a", "b", "c"]);
});

test("the place is told from one, the counts by state", () => {
  const workspace = createWorkspace();
  workspace.counts = { images: 1300, todo: 1200, progress: 0, done: 99, skipped: 1, objects: 7 };
  assert.equal(placeText(workspace), "1,300 images");
  assert.equal(placeText({ ...workspace, at: 11 }), "12 of 1,300");
  assert.equal(countsText(workspace.counts), "1,200 to do · 99 done · 1 skipped");
});

test("a filter is one that leaves something out", () => {
  const { filter } = createWorkspace();
  assert.equal(isFiltering(filter), false);
  for (const some of [{ state: "done" }, { label: "cat" }, { name: "x" }]) assert.ok(isFiltering({ ...filter, ...some }));
});

const MINUTE = 60000;
for (const [name, times, left, now, expected] of [
  ["nothing is told before three images", [0, MINUTE], 9, MINUTE, ""],
  ["one a minute", [0, MINUTE, 2 * MINUTE], 30, 2 * MINUTE, "60 an hour, 30 min left"],
  ["one in five seconds", [0, 5000, 10000], 1440, 10000, "720 an hour, 2 h left"],
  ["a break counts as five minutes", [0, MINUTE, 40 * MINUTE], 10, 40 * MINUTE, "20 an hour, 30 min left"],
  ["what is long ago does not count", [0, 1, 2, 90 * MINUTE, 91 * MINUTE, 92 * MINUTE], 0, 92 * MINUTE, "60 an hour"],
  ["the last seconds", [0, 5000, 10000], 2, 10000, "720 an hour, 10 s left"],
]) {
  test(`pace: ${name}`, () => assert.equal(paceText(times, left, now), expected));
}
