// What pointers do: each tool, and how a press ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createFound } from "../../samui/canvas/core/found.js";
import { createPointer } from "../../samui/canvas/tools/pointer.js";
import { canvas as createCanvas, pointerEvent, recorder, stateWithImage } from "./page.js";
import { pass, stopClock } from "./time.js";

/** A pointer over an image, whose edits change the prompt at once. Places are in image px. */
function page(t, base = { points: [], box: null }, badge = null) {
  stopClock(t);
  const calls = [];
  const state = Object.assign(stateWithImage(), { base });
  const canvas = createCanvas();
  globalThis.window = new EventTarget();
  t.after(() => delete globalThis.window);
  const prompt = () => state.draft || state.base;
  const pointer = createPointer(canvas, {
    state,
    prompt,
    view: recorder(calls, { badgePosition: () => badge, look: (view) => (state.view = view) }),
    prompting: recorder(calls, { edit: (edit) => (state.base = edit(prompt())) }),
    preview: recorder(calls, { covers: () => true }),
    finding: recorder(calls),
    changed() {},
  });
  const send = (type, x, y, fields) => canvas.dispatchEvent(pointerEvent(type, 4 * x, 4 * y, fields));
  return {
    calls, state, canvas, pointer, prompt, send,
    named: (name) => calls.filter(([call]) => call === name),
    down: (x, y, fields) => send("pointerdown", x, y, fields),
    move: (x, y, fields) => send("pointermove", x, y, fields),
    up: (x, y, fields) => send("pointerup", x, y, fields),
    click(x, y, fields) {
      send("pointerdown", x, y, fields);
      send("pointerup", x, y, fields);
    },
    drag(p, q, fields) {
      send("pointerdown", ...p, fields);
      send("pointermove", ...q, fields);
      send("pointerup", ...q, fields);
    },
  };
}

const WITH_BOX = { points: [[80, 70, 1]], box: [10, 10, 50, 40] };

for (const [how, fields, label] of [
  ["a click", {}, 1],
  ["a click of the right button", { button: 2 }, 0],
  ["a click with Alt", { altKey: true }, 0],
  ["a click with Control", { ctrlKey: true }, 0],
]) {
  test(`${how} adds a point with label ${label}`, (t) => {
    const { click, prompt } = page(t);
    click(30, 20, fields);
    assert.deepEqual(prompt().points, [[30, 20, label]]);
  });
}

test("a click means what the toolbar says", (t) => {
  const { click, prompt, state } = page(t);
  state.include = false;
  click(30, 20);
  assert.deepEqual(prompt().points, [[30, 20, 0]]);
});

test("a click outside of the image adds nothing, and selects nothing", (t) => {
  const { click, prompt, state, named } = page(t);
  state.view = { scale: 4, x: 40, y: 40 };
  state.selected = 0;
  click(2, 2);
  assert.deepEqual([prompt().points, state.selected, named("edit")], [[], null, []]);
});

test("a drag draws a box, shown on the way and kept at its end", (t) => {
  const { down, move, up, prompt, state, named } = page(t);
  down(10, 20);
  move(40, 60);
  assert.deepEqual([state.draft.box, named("edit")], [[10, 20, 40, 60], []]);
  up(50, 70);
  assert.deepEqual([prompt().box, state.draft, state.selected], [[10, 20, 50, 70], null, "box"]);
});

test("a pointer that wanders less than 3 px clicks", (t) => {
  const { down, move, up, prompt } = page(t);
  down(30, 20);
  move(30.5, 20.5);
  up(30.5, 20.5);
  assert.deepEqual(prompt(), { points: [[30, 20, 1]], box: null });
});

test("a sliver of a box is none", (t) => {
  const { drag, prompt, named } = page(t);
  drag([10, 20], [40, 20]);
  assert.deepEqual([prompt().box, named("edit")], [null, []]);
});

test("a point is moved by a drag, which stays on the image, and selected by a click", (t) => {
  const { drag, click, prompt, state } = page(t, WITH_BOX);
  click(80, 70);
  assert.deepEqual([state.selected, prompt()], [0, WITH_BOX]);
  drag([80, 70], [999, 30]);
  assert.deepEqual(prompt().points, [[100, 30, 1]]);
});

for (const [how, p, q, box] of [
  ["its corner", [50, 40], [60, 60], [10, 10, 60, 60]],
  ["its side", [30, 10], [90, 5], [10, 5, 50, 40]],
  ["its body", [30, 25], [40, 35], [20, 20, 60, 50]],
]) {
  test(`a box changes by ${how}`, (t) => {
    const { drag, prompt, state } = page(t, WITH_BOX);
    drag(p, q);
    assert.deepEqual([prompt().box, state.selected], [box, "box"]);
  });
}

test("with Shift a drag draws a new box inside the old one", (t) => {
  const { drag, prompt } = page(t, WITH_BOX);
  drag([20, 20], [40, 30], { shiftKey: true });
  assert.deepEqual(prompt().box, [20, 20, 40, 30]);
});

test("a click on the body of a box adds a point, and one on a handle selects the box", (t) => {
  const { click, prompt, state } = page(t, WITH_BOX);
  click(30, 25);
  assert.deepEqual(prompt().points.at(-1), [30, 25, 1]);
  click(50, 40);
  assert.deepEqual([prompt().points.length, state.selected], [2, "box"]);
});

test("the right button draws and moves nothing", (t) => {
  const { drag, prompt, state } = page(t, WITH_BOX);
  drag([80, 70], [20, 60], { button: 2 });
  assert.deepEqual([prompt(), state.draft], [WITH_BOX, null]);
});

test("the middle button, and Space with the left one, move the picture", (t) => {
  const { drag, state, pointer, prompt } = page(t);
  drag([10, 10], [15, 20], { button: 1 });
  assert.deepEqual(state.view, { scale: 4, x: 20, y: 40 });
  pointer.holdSpace(true);
  drag([10, 10], [5, 10]);
  assert.deepEqual([state.view, prompt().box], [{ scale: 4, x: 0, y: 40 }, null]);
});

const ENDS = [
  ["Escape", ({ pointer }) => assert.equal(pointer.cancel(), true)],
  ["a cancelled pointer", ({ send }) => send("pointercancel", 40, 60)],
  ["a lost capture", ({ send }) => send("lostpointercapture", 40, 60)],
  ["a window that loses the focus", () => globalThis.window.dispatchEvent(new Event("blur"))],
  ["a second finger", ({ down }) => down(80, 60, { pointerId: 2 })],
];
for (const [how, end] of ENDS) {
  test(`${how} leaves everything as it was before a drag`, (t) => {
    const self = page(t, WITH_BOX);
    self.down(50, 40);
    self.move(40, 60);
    assert.notEqual(self.state.draft, null);
    end(self);
    assert.equal(self.state.draft, null);
    self.up(40, 60);
    assert.deepEqual([self.prompt(), self.named("edit")], [WITH_BOX, []]);
    assert.ok(self.named("leave").length > 0);
  });

  test(`${how} ends a press, so that the release of the button clicks nothing`, (t) => {
    const self = page(t);
    self.down(30, 20);
    end(self);
    self.up(30, 20);
    assert.deepEqual(self.named("edit"), []);
  });
}

const touch = (pointerId) => ({ pointerId, pointerType: "touch" });

for (const [how, lose] of [
  ["the window loses the focus", () => globalThis.window.dispatchEvent(new Event("blur"))],
  ["its capture is lost", ({ send }) => send("lostpointercapture", 10, 10, touch(7))],
]) {
  test(`a finger whose end is never told is not down for ever, once ${how}`, (t) => {
    const self = page(t);
    self.down(10, 10, touch(7));
    lose(self);
    self.click(30, 20, touch(8));
    assert.deepEqual(self.prompt().points, [[30, 20, 1]]);
  });
}

test("two fingers zoom about what lies under them, and the one that is left draws nothing", (t) => {
  const { down, move, up, state, prompt, named } = page(t);
  down(40, 40, touch(1));
  down(60, 40, touch(2));
  move(30, 40, touch(1));
  move(70, 40, touch(2));
  assert.deepEqual([state.view.scale, state.view.x], [8, 200 - 8 * 50]);
  up(70, 40, touch(2));
  move(80, 70, touch(1));
  up(80, 70, touch(1));
  assert.deepEqual([prompt(), named("edit")], [{ points: [], box: null }, []]);
});

test("a third finger changes nothing, neither when it comes nor when it goes", (t) => {
  const { down, move, up, state, prompt } = page(t);
  down(40, 40, touch(1));
  down(60, 40, touch(2));
  down(90, 70, touch(3));
  up(90, 70, touch(3));
  move(20, 40, touch(1));
  assert.deepEqual([state.view.scale, prompt().points], [8, []]);
});

test("a long press of a finger deletes a point or the box, and nothing elsewhere", async (t) => {
  const self = page(t, WITH_BOX);
  self.down(30, 25, touch(1));
  await pass(700);
  self.up(30, 25, touch(1));
  assert.deepEqual(self.prompt().points.length, 2);
  self.down(80, 70, touch(1));
  await pass(700);
  assert.deepEqual(self.prompt().points, [[30, 25, 1]]);
  self.up(80, 70, touch(1));
  self.down(10, 10, touch(1));
  await pass(700);
  assert.deepEqual(self.prompt(), { points: [[30, 25, 1]], box: null });
});

test("a long press of a mouse deletes nothing", async (t) => {
  const { down, up, prompt } = page(t, WITH_BOX);
  down(80, 70);
  await pass(700);
  up(80, 70);
  assert.deepEqual(prompt(), WITH_BOX);
});

test("a finger that drags does not press long", async (t) => {
  const { down, move, prompt, named } = page(t, WITH_BOX);
  down(80, 70, touch(1));
  move(60, 60, touch(1));
  await pass(700);
  assert.deepEqual([prompt().points, named("edit")], [[[60, 60, 1]], []]);
});

test("what a press and the rest of a drag would bring is asked for ahead", async (t) => {
  const { down, move, named } = page(t, { points: [[80, 70, 1]], box: null });
  down(10, 10);
  await pass(10);
  const [[, click, calls]] = named("prepare");
  assert.deepEqual([click({ points: [], box: null }).points, calls], [[[10, 10, 1]], 1]);
  move(40, 30);
  move(50, 40);
  await pass(100);
  assert.equal(named("prepare").length, 2);
  const [, drag, more] = named("prepare")[1];
  assert.deepEqual([drag({ points: [], box: null }).box, more], [[10, 10, 50, 40], 2]);
});

test("a tap, and a box that is too small to be meant, ask for nothing ahead", async (t) => {
  const { click, down, move, named } = page(t);
  click(10, 10);
  await pass(100);
  down(60, 60);
  move(61, 60);
  await pass(100);
  assert.deepEqual(named("prepare"), []);
});

test("a second click at one place reopens the object there, from the prompt before the first", (t) => {
  const { click, named, state } = page(t);
  const mask = { width: 100, height: 80, starts: new Int32Array(81).map((_, y) => y), edges: new Int32Array(80) };
  state.objects = [{ id: 4, visible: true, mask }];
  click(30, 20);
  click(30, 20);
  assert.deepEqual(named("reopen").map(([, id, , before]) => [id, before]), [[4, { points: [], box: null }]]);
  assert.equal(named("edit").length, 1);
});

test("in everything mode a click takes a mask, Shift selects, two are told as such, and a drag moves", (t) => {
  const { click, drag, named, state } = page(t);
  state.found = { ...createFound(), on: true };
  click(30, 20);
  click(30, 20);
  click(50, 20, { shiftKey: true });
  assert.deepEqual(named("click").map(([, at, how]) => [at.x, how.add, how.twice]), [
    [30, false, false], [30, false, true], [50, true, false],
  ]);
  drag([10, 10], [15, 20]);
  assert.deepEqual([state.view, named("click").length], [{ scale: 4, x: 20, y: 40 }, 3]);
});

for (const [what, at, cursor] of [
  ["the image", [90, 10], "crosshair"],
  ["a point", [80, 70], "grab"],
  ["a corner", [10, 10], "nwse-resize"],
  ["the other corners", [10, 40], "nesw-resize"],
  ["a side", [10, 25], "ew-resize"],
  ["a box", [30, 25], "move"],
]) {
  test(`the cursor over ${what} is ${cursor}, and previews are for the free image alone`, (t) => {
    const { move, canvas, named } = page(t, WITH_BOX);
    move(...at);
    assert.equal(canvas.style.cursor, cursor);
    assert.equal(named("rest").length, cursor === "crosshair" ? 1 : 0);
    assert.equal(named("leave").length, cursor === "crosshair" ? 0 : 1);
  });
}

test("the x beside what is selected deletes it", (t) => {
  const { click, move, prompt, state, canvas } = page(t, WITH_BOX, { x: 220, y: 20 });
  state.selected = "box";
  move(55, 5);
  assert.equal(canvas.style.cursor, "pointer");
  click(55, 5);
  assert.deepEqual([prompt().box, prompt().points.length, state.selected], [null, 1, null]);
});

test("what is selected is deleted by a key, and nothing where nothing is", (t) => {
  const { pointer, prompt, state, named } = page(t, WITH_BOX);
  pointer.removeSelected();
  assert.deepEqual(named("edit"), []);
  state.selected = 0;
  pointer.removeSelected();
  assert.deepEqual(prompt(), { points: [], box: WITH_BOX.box });
});
