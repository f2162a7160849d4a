// Which command a key means where.

import assert from "node:assert/strict";
import { test } from "node:test";

import { commandOf, keyOf } from "../../samui/canvas/tools/keys.js";

const CANVAS = { onCanvas: true, focused: true, everything: false, image: true, choice: true, folder: false };
const BODY = { ...CANVAS, focused: false };
const BUTTON = { ...BODY, onCanvas: false };
const FOLDER = { ...CANVAS, folder: true };
const EVERYTHING = { ...CANVAS, everything: true };

function command(keys, place) {
  const parts = keys.split(" ");
  const held = (name) => parts.includes(name);
  return commandOf(
    { key: parts.at(-1), ctrlKey: held("Ctrl"), metaKey: held("Meta"), shiftKey: held("Shift"), altKey: held("Alt") },
    place,
  );
}

for (const [keys, place, name] of [
  ["Ctrl z", CANVAS, "undo"],
  ["Ctrl Shift Z", CANVAS, "redo"],
  ["Meta z", BUTTON, "undo"],
  ["Ctrl y", EVERYTHING, "redo"],
  ["Ctrl f", CANVAS, undefined],
  ["Alt f", CANVAS, undefined],
  ["Enter", CANVAS, "accept"],
  ["Enter", BODY, "accept"],
  ["Enter", BUTTON, undefined],
  ["Enter", EVERYTHING, "keep-found"],
  ["Enter", { ...BUTTON, everything: true }, undefined],
  ["Tab", CANVAS, "next-candidate"],
  ["Tab", EVERYTHING, "next-candidate"],
  ["Tab", BODY, undefined],
  ["Tab", { ...CANVAS, choice: false }, undefined],
  ["Shift Tab", CANVAS, undefined],
  ["b", CANVAS, "mark-corner"],
  ["b", BUTTON, undefined],
  ["b", { ...CANVAS, image: false }, undefined],
  ["b", EVERYTHING, "nothing"],
  ["Escape", CANVAS, "escape"],
  ["Escape", EVERYTHING, "everything"],
  ["Delete", CANVAS, "remove-selected"],
  ["Backspace", BUTTON, "remove-selected"],
  ["Delete", EVERYTHING, "reject-found"],
  ["m", EVERYTHING, "merge-selected"],
  ["m", CANVAS, undefined],
  ["]", EVERYTHING, "next-found"],
  ["X", CANVAS, "toggle-include"],
  ["+", BUTTON, "zoom-in"],
  ["=", CANVAS, "zoom-in"],
  ["_", CANVAS, "zoom-out"],
  ["0", CANVAS, "actual"],
  ["f", EVERYTHING, "fit"],
  ["2", CANVAS, "candidate-2"],
  ["?", CANVAS, "help"],
  ["q", CANVAS, undefined],
  ["d", FOLDER, "next-image"],
  ["A", FOLDER, "previous-image"],
  ["Shift D", FOLDER, "next-todo"],
  ["Shift A", FOLDER, "previous-todo"],
  ["Shift Enter", FOLDER, "done-and-on"],
  ["Shift Enter", { ...FOLDER, onCanvas: false, focused: false }, undefined],
  ["Enter", FOLDER, "accept"],
  ["Shift S", FOLDER, "skip-and-on"],
  ["s", FOLDER, undefined],
  ["Shift V", FOLDER, "copy-objects"],
  ["Ctrl d", FOLDER, undefined],
  ["Alt d", FOLDER, undefined],
  ["d", { ...FOLDER, everything: true }, "next-image"],
  ["d", CANVAS, undefined],
  ["Shift D", CANVAS, undefined],
  ["Shift Enter", CANVAS, "accept"],
  ["2", FOLDER, "candidate-2"],
]) {
  const where = Object.entries(place).filter(([, is]) => is).map(([word]) => word).join(", ");
  test(`${keys} means ${name || "nothing"} with ${where}`, () => assert.equal(command(keys, place), name));
}

test("the key of a label is that of its place on the board, whatever Alt makes of it", () => {
  assert.equal(keyOf({ key: "1", code: "Digit1" }), "1");
  assert.equal(keyOf({ key: "¡", code: "Digit1" }), "1");
  assert.equal(keyOf({ key: "œ", code: "KeyQ" }), "q");
  assert.equal(keyOf({ key: "Q", code: "KeyQ" }), "q");
  assert.equal(keyOf({ key: "a", code: "KeyQ" }), "a"); // another layout
  assert.equal(keyOf({ key: "й", code: "KeyQ" }), "q"); // a layout without Latin letters
  assert.equal(keyOf({ key: "Alt", code: "AltLeft" }), "alt");
});
