// The masks of everything mode: how they come, and which are shown and meant.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  createFound, forgetFound, foundAt, meantIds, refreshFound, rejectedCount, sliderArea, stepFound, takeFound,
} from "../../samui/canvas/core/found.js";
import { foundText, progressText } from "../../samui/canvas/core/texts.js";
import { wire } from "./masks.js";

/** A mask of so many columns of a 10x10 image. */
function mask(id, columns, fields = {}) {
  return { id, mask: wire(10, 10, (x) => x < columns), score: 0.9, stability: 0.95, colour: "#112233", ...fields };
}

function running(...added) {
  const found = createFound();
  stepFound(found, { stage: "started", run: 1 });
  stepFound(found, { stage: "masks", run: 1, added });
  return found;
}

const ids = (found) => found.shown.map(({ id }) => id);

test("masks are shown largest first, so that small ones lie on top", () => {
  const found = running(mask(1, 2), mask(4, 5), mask(2, 9), mask(3, 5));
  assert.deepEqual(ids(found), [2, 3, 4, 1]);
  assert.equal(foundAt(found, { x: 1, y: 1 }).id, 1);
  assert.equal(foundAt(found, { x: 3, y: 1 }).id, 4);
  assert.equal(foundAt(found, { x: 7, y: 1 }).id, 2);
  assert.equal(foundAt(found, { x: 9.5, y: 1 }), null);
});

test("a step adds and removes, and tells how far the run is", () => {
  const found = running(mask(1, 2), mask(2, 3));
  const missing = stepFound(found, { run: 1, added: [mask(3, 4)], removed: [1], done: 4, total: 16, left: 2 });
  assert.deepEqual([missing, ids(found), found.running], [false, [3, 2], true]);
  assert.equal(progressText(found), "4 of 16 points, 2.0 s left");
});

test("a run that starts takes the masks of the one before away", () => {
  const found = running(mask(1, 2));
  Object.assign(found, { awaiting: true, report: "old" });
  stepFound(found, { stage: "started", run: 2 });
  assert.deepEqual([found.masks.size, found.run, found.awaiting, found.report], [0, 2, false, ""]);
});

test("a step of an older run changes nothing, and one of a newer run asks for all", () => {
  const found = running(mask(1, 2));
  found.run = 5;
  assert.equal(stepFound(found, { run: 4, added: [mask(2, 3)] }), false);
  assert.equal(stepFound(found, { run: 6, added: [mask(2, 3)] }), true);
  assert.deepEqual(ids(found), [1]);
});

test("the last step ends the run with the masks that remain, in their order", () => {
  const found = running(mask(1, 2), mask(2, 3), mask(3, 4));
  assert.equal(stepFound(found, { stage: "done", run: 1, order: [3, 4, 1], added: [mask(4, 5)], report: "three" }), false);
  assert.deepEqual([[...found.masks.keys()], found.running, found.progress, found.report], [[3, 4, 1], false, null, "three"]);
});

test("a last step that lists masks that the page has missed asks for all", () => {
  assert.equal(stepFound(running(mask(1, 2)), { stage: "done", run: 1, order: [1, 9], report: "" }), true);
});

test("the whole list replaces what is there, but for one from before the run that is awaited", () => {
  const found = running(mask(1, 2));
  found.asked = true;
  takeFound(found, { run: 1, running: true, masks: [mask(2, 3), mask(3, 4)] });
  assert.deepEqual([ids(found), found.running, found.asked], [[3, 2], true, false]);
  found.awaiting = true;
  takeFound(found, { run: 1, running: false, masks: [mask(9, 9)] });
  assert.deepEqual([ids(found), found.awaiting, found.running], [[3, 2], true, true]);
  takeFound(found, { run: 2, running: false, masks: [mask(9, 9)] });
  assert.deepEqual([ids(found), found.run, found.running], [[9], 2, false]);
});

test("a word without masks says only whether the run goes on", () => {
  const found = running(mask(1, 2));
  takeFound(found, { run: 1, running: false });
  assert.deepEqual([ids(found), found.running], [[1], false]);
  takeFound(found, { run: 1, running: true }); // asked for before the event that ended the run
  assert.equal(found.running, false);
});

for (const [name, filters, shown] of [
  ["score", { score: 0.8 }, [2, 3]],
  ["stability", { stability: 0.8 }, [2, 1]],
  ["least area", { least: 30 }, [2, 3]],
  ["most area", { most: 40 }, [3, 1]],
  ["all of them", { score: 0.8, stability: 0.8, least: 30, most: 50 }, [2]],
]) {
  test(`filters take masks out of sight: ${name}`, () => {
    const found = running(mask(1, 2, { score: 0.7 }), mask(2, 5), mask(3, 3, { stability: 0.7 }));
    Object.assign(found, { over: 1, selected: new Set([1, 2, 3]) });
    found.filters = { ...found.filters, ...filters };
    refreshFound(found);
    assert.deepEqual(ids(found), shown);
    assert.deepEqual([...found.selected].sort(), [...shown].sort());
    assert.equal(found.over, shown.includes(1) ? 1 : null);
    assert.equal(found.offered, 3);
  });
}

test("the limits of a filter are within it", () => {
  const found = running(mask(1, 3));
  found.filters = { score: 0.9, stability: 0.95, least: 30, most: 30 };
  refreshFound(found);
  assert.deepEqual(ids(found), [1]);
});

test("a command means what is selected, or else what is under the pointer", () => {
  const found = running(mask(1, 2), mask(2, 3));
  assert.deepEqual(meantIds(found), []);
  found.over = 2;
  assert.deepEqual(meantIds(found), [2]);
  found.selected.add(1);
  assert.deepEqual(meantIds(found), [1]);
});

test("of the rejected masks those of the run at hand can be shown again", () => {
  const found = running(mask(1, 2));
  found.rejected = new Set([1, 77]);
  assert.equal(rejectedCount(found), 1);
});

test("with its image the masks are forgotten, and the mode and its filters stay", () => {
  const found = running(mask(1, 2));
  const filters = { score: 0.5, stability: 0, least: 0, most: Infinity };
  Object.assign(found, { on: true, picking: true, filters });
  forgetFound(found);
  assert.deepEqual({ ...found }, { ...createFound(), on: true, picking: true, filters });
});

test("the slider of areas is logarithmic from nothing to the whole image", () => {
  assert.deepEqual([sliderArea(0, 1e6), sliderArea(50, 1e6), sliderArea(100, 1e6)], [0, 1000, 1e6]);
});

test("the panel says how many masks are shown", () => {
  const found = running(mask(1, 2), mask(2, 3));
  assert.equal(foundText(found), "2 of 2 shown");
  found.selected.add(1);
  assert.equal(foundText(found), "2 of 2 shown, 1 selected");
  found.filters = { ...found.filters, score: 1 };
  refreshFound(found);
  assert.equal(foundText(found), "0 of 2 shown, lower the filters to see them");
  assert.equal(foundText({ ...createFound(), report: "found nothing" }), "Found nothing");
});
