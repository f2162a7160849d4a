// Which command a key means where.

import assert from "node:assert/strict";
import { test } from "node:test";

import { commandOf } from "../../samui/canvas/tools/keys.js";

const CANVAS = { onCanvas: true, focused: true, everything: false, image: true, choice: true };
const BODY = { ...CANVAS, focused: false };
const BUTTON = { ...BODY, onCanvas: false };
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
]) {
  const where = Object.entries(place).filter(([, is]) => is).map(([word]) => word).join(", ");
  test(`${keys} means ${name || "nothing"} with ${where}`, () => assert.equal(command(keys, place), name));
}
