// Edits of the prompt, and what is asked for folded over what the server has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY_PROMPT, edits, foldPrompt, isPrompt, samePrompt } from "../../samui/canvas/core/prompt.js";

const TWO = { points: [[1, 2, 1], [3, 4, 0]], box: null };

test("edits change their part alone, and leave the prompt that they are given", () => {
  const before = structuredClone(TWO);
  assert.deepEqual(edits.addPoint(5, 6, 1)(TWO), { points: [...TWO.points, [5, 6, 1]], box: null });
  assert.deepEqual(edits.movePoint(1, 7, 8)(TWO), { points: [[1, 2, 1], [7, 8, 0]], box: null });
  assert.deepEqual(edits.removePoint(0)(TWO), { points: [[3, 4, 0]], box: null });
  assert.deepEqual(edits.setBox([0, 0, 9, 9])(TWO), { points: TWO.points, box: [0, 0, 9, 9] });
  assert.deepEqual(edits.replace(EMPTY_PROMPT)(TWO), EMPTY_PROMPT);
  assert.deepEqual(TWO, before);
});

test("what is unsent is folded over what the server has, in order", () => {
  const operations = [{ edit: edits.addPoint(5, 6, 1) }, { edit: edits.removePoint(0) }, { action: "choose" }];
  assert.deepEqual(foldPrompt(TWO, operations).points, [[3, 4, 0], [5, 6, 1]]);
});

for (const action of ["clear", "accept", "reset", "reopen"]) {
  test(`nothing of the prompt is left after ${action}, and what follows begins anew`, () => {
    assert.deepEqual(foldPrompt(TWO, [{ action }]), EMPTY_PROMPT);
    assert.deepEqual(foldPrompt(TWO, [{ action }, { edit: edits.addPoint(5, 6, 0) }]).points, [[5, 6, 0]]);
  });
}

for (const action of ["undo", "redo", "state", "snap"]) {
  test(`${action} cannot be foreseen`, () => assert.equal(foldPrompt(TWO, [{ action }]), TWO));
}

test("a box or a point make a prompt, and two prompts are the same by what they hold", () => {
  assert.deepEqual([EMPTY_PROMPT, TWO, { points: [], box: [0, 0, 1, 1] }].map(isPrompt), [false, true, true]);
  assert.ok(samePrompt(structuredClone(TWO), TWO));
  assert.ok(!samePrompt({ ...TWO, box: [0, 0, 1, 1] }, TWO));
  assert.ok(!samePrompt({ points: [[1, 2, 0], [3, 4, 0]], box: null }, TWO));
});
