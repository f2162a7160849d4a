// What the page holds of an image, as it is kept and put back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { holdingOf, portions, recordOf, renumbered, resumption } from "../../samui/canvas/core/held.js";
import { mergeObjects } from "../../samui/canvas/core/objects.js";
import { wire } from "./masks.js";
import { stateWithImage } from "./page.js";

const MASK = wire(10, 8, (x, y) => x > 3 && y > 2);
const MADE = { gestures: [["point", 1, 2, 1]], candidate: 1, snapped: false, model: "m" };

function object(id, fields = {}) {
  return { id, uid: `u${id}`, label: "", colour: "#112233", visible: true, area: 1, box: null, score: 0.5, ...fields };
}

function state(fields = {}) {
  const objects = mergeObjects([], { order: [1, 2], changed: [1, 2].map((id) => object(id, { mask: MASK, made: MADE })) });
  const all = Object.assign(stateWithImage(), { objects, safe: objects, ...fields });
  all.image.content = "c";
  return all;
}

test("an object is kept whole, with the run lengths that came", () => {
  const [first] = state().objects;
  assert.deepEqual(recordOf(first), {
    uid: "u1", id: 1, label: "", colour: "#112233", visible: true, score: 0.5,
    mask: { size: [8, 10], counts: MASK.counts }, ...MADE,
  });
});

test("an object that changes without its mask keeps the mask, and what made it", () => {
  const { objects } = state();
  const [changed] = mergeObjects(objects, { order: [1], changed: [object(1, { label: "cat" })] });
  assert.deepEqual({ ...recordOf(changed), label: "" }, recordOf(objects[0]));
  assert.equal(recordOf(changed).label, "cat");
});

test("what the server has not kept is newer, and what it does not know to be deleted is gone", () => {
  const before = state();
  const objects = mergeObjects(before.objects, { order: [2, 3], changed: [object(2, { label: "x" }), object(3)] });
  const { newer, gone } = holdingOf(Object.assign(before, { objects }), null);
  assert.deepEqual([newer, gone], [["u2", "u3"], ["u1"]]);
  assert.deepEqual([holdingOf(state(), null).newer, holdingOf(state(), null).gone], [[], []]);
});

test("the object at work is held by its name everywhere, with its prompt and its candidate", () => {
  const prompt = { points: [[1, 1, 1]], box: null };
  const held = holdingOf(state({ base: prompt, candidate: 2, active: 2, snap: true }), { sample: "cat" });
  assert.deepEqual(held.work, { prompt, candidate: 2, active: "u2", snap: true });
  assert.deepEqual([held.content, held.name, held.source], ["c", "a.png", { sample: "cat" }]);
});

test("records go in portions that a request can carry, in their order", () => {
  const records = Array.from({ length: 7 }, (_, i) => ({ uid: String(i), text: "x".repeat(i === 3 ? 500 : 50) }));
  const all = portions(records, { characters: 250, records: 3 });
  assert.deepEqual(all.map((portion) => portion.map(({ uid }) => uid).join("")), ["012", "3", "456"]);
  assert.deepEqual(portions([], { characters: 9, records: 9 }), [[]]);
});

test("the object at work comes back: reopened, with its prompt, then the candidate that was chosen", () => {
  const prompt = { points: [[1, 1, 1]], box: null };
  const now = [{ id: 9, uid: "u2" }];
  const back = resumption({ prompt, candidate: 2, active: "u2", snap: true }, now, false);
  assert.deepEqual(back.map(({ action }) => action), ["snap", "reopen", undefined, "choose"]);
  assert.deepEqual([back[1].object, back[2].edit({ points: [], box: null }), back[3].candidate], [9, prompt, 2]);
  const none = { prompt: { points: [], box: null }, candidate: null, active: null, snap: false };
  assert.deepEqual(resumption(none, now, false), []);
});

test("what waits names its objects by the numbers that they have now", () => {
  const waits = [{ action: "delete", object: 1 }, { action: "accept" }, { action: "relabel", object: 2, label: "x" }];
  const before = [{ id: 1, uid: "a" }, { id: 2, uid: "b" }];
  assert.deepEqual(renumbered(waits, before, [{ id: 7, uid: "a" }]), [{ action: "delete", object: 7 }, waits[1]]);
});
