// How replies change the state of the page, and what is derived from it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { maskCovers } from "../../samui/canvas/core/mask.js";
import { objectAt } from "../../samui/canvas/core/objects.js";
import { applyReply, createState, forgetWork, median, rememberTimings, offered } from "../../samui/canvas/core/state.js";
import { statusParts } from "../../samui/canvas/core/texts.js";
import { wire } from "./masks.js";

const LEFT = wire(10, 10, (x) => x < 5);
const ALL = wire(10, 10, () => true);
const CANDIDATES = [{ score: 0.9 }, { score: 0.5 }];

function told(id, fields = {}) {
  return { id, label: "", colour: "#102030", visible: true, area: 50, box: [0, 0, 5, 10], score: 0.9, ...fields };
}

test("a reply is taken over whole", () => {
  const state = createState({});
  const changed = applyReply(state, {
    ok: true,
    rev: 7,
    serial: 3,
    prompt: { points: [[1, 2, 1]], box: null, object: null },
    candidates: CANDIDATES,
    candidate: 1,
    mask: LEFT,
    label: "cup",
    snap: true,
    can: { undo: true, redo: false, accept: true },
    timings: { decode: 12, ahead: 0 },
  });
  assert.deepEqual(changed, { mask: true, objects: false, found: false });
  assert.deepEqual([state.rev, state.serial, state.candidate, state.score], [7, 3, 1, 0.5]);
  assert.deepEqual(state.base, { points: [[1, 2, 1]], box: null });
  assert.deepEqual([state.label, state.snap, state.can.accept], ["cup", true, true]);
  assert.ok(maskCovers(state.mask, 2, 2));
  assert.deepEqual(state.decodes, [12]);
});

test("what a reply leaves out stays, and null takes away", () => {
  const state = createState({});
  applyReply(state, { rev: 4, candidates: CANDIDATES, candidate: 0, mask: LEFT, label: "cup", snap: true });
  const { mask } = state;
  assert.deepEqual(applyReply(state, { rev: 2 }), { mask: false, objects: false, found: false });
  assert.deepEqual([state.rev, state.mask, state.score, state.label, state.snap], [4, mask, 0.9, "cup", true]);
  assert.equal(applyReply(state, { candidates: [], candidate: null, mask: null, label: null }).mask, true);
  assert.deepEqual([state.mask, state.score, state.candidate, state.label], [null, null, null, ""]);
});

test("a mask takes the preview away, and other news does not", () => {
  const state = createState({});
  state.hover = { mask: null, score: 1, at: { x: 0, y: 0 } };
  applyReply(state, { serial: 2, snap: false });
  assert.notEqual(state.hover, null);
  applyReply(state, { mask: LEFT });
  assert.equal(state.hover, null);
});

test("objects come as a difference, and keep the mask that they had", () => {
  const state = createState({});
  applyReply(state, { objects: { order: [1, 2], changed: [told(1, { mask: LEFT }), told(2, { mask: ALL })] } });
  const [first] = state.objects;
  const changed = applyReply(state, { objects: { order: [2, 1], changed: [told(2, { label: "cup" })] } });
  assert.deepEqual(changed, { mask: false, objects: true, found: false });
  assert.deepEqual(state.objects.map(({ id, label }) => [id, label]), [[2, "cup"], [1, ""]]);
  assert.equal(state.objects[1], first);
  assert.ok(maskCovers(state.objects[0].mask, 9, 9));
  applyReply(state, { objects: { order: [1], changed: [] } });
  assert.deepEqual(state.objects, [first]);
});

test("the object that is reopened is drawn as such, and no more when the prompt is of none", () => {
  const state = createState({});
  assert.equal(applyReply(state, { prompt: { points: [], box: null, object: 4 } }).objects, true);
  assert.equal(state.active, 4);
  assert.equal(applyReply(state, { prompt: { points: [[1, 1, 1]], box: null, object: 4 } }).objects, false);
  assert.equal(applyReply(state, { prompt: { points: [], box: null } }).objects, true);
  assert.equal(state.active, null);
});

test("the topmost visible object is the one under a point", () => {
  const state = createState({});
  applyReply(state, { objects: { order: [1, 2, 3], changed: [
    told(1, { mask: ALL }), told(2, { mask: LEFT }), told(3, { mask: ALL, visible: false }),
  ] } });
  assert.equal(objectAt(state.objects, { x: 2, y: 2 }).id, 2);
  assert.equal(objectAt(state.objects, { x: 8, y: 2 }).id, 1);
  assert.equal(objectAt(state.objects, { x: 11, y: 2 }), null);
});

test("found masks that became objects or were rejected are not offered", () => {
  const state = createState({});
  const masks = [1, 2, 3].map((id) => ({ id, mask: LEFT, score: 0.9, stability: 0.9, colour: "#ffffff" }));
  assert.equal(applyReply(state, { found: { run: 1, running: false, masks } }).found, true);
  assert.equal(state.found.offered, 3);
  assert.equal(applyReply(state, { gone: { taken: [1], rejected: [3] } }).found, true);
  assert.deepEqual(state.found.shown.map(({ id }) => id), [2]);
});

test("only decoder calls that ran count towards the median, the last seven of them", () => {
  const state = createState({});
  for (const decode of [1, 2, 3, 4, 5, 6, 700, 800, 900]) rememberTimings(state, { decode });
  rememberTimings(state, { decode: 5000, ahead: 5000 });
  rememberTimings(state, { decode: 0 });
  rememberTimings(state, { encode: 10 });
  assert.deepEqual(state.decodes, [3, 4, 5, 6, 700, 800, 900]);
  assert.equal(median(state.decodes), 6);
  assert.equal(median([]), 0);
  assert.deepEqual(state.timings, { decode: 0, ahead: 5000, encode: 10 });
});

test("with its image the work on it is forgotten, and nothing that a person has set", () => {
  const state = createState({ hosted: true });
  applyReply(state, { rev: 3, serial: 9, candidates: CANDIDATES, candidate: 0, mask: ALL, timings: { decode: 3 } });
  const found = [{ id: 1, mask: ALL, score: 1, stability: 1, colour: "#ffffff" }];
  applyReply(state, { found: { run: 2, running: false, masks: found } });
  Object.assign(state, { include: false, opacity: 0.8, outline: true, token: "t", selected: "box", corner: { x: 1, y: 1 } });
  state.found.on = true;
  forgetWork(state);
  assert.deepEqual([state.mask, state.candidates, state.selected, state.corner, state.serial], [null, [], null, null, 0]);
  assert.deepEqual([state.found.masks.size, state.found.on], [0, true]);
  const { include, opacity, outline, token, decodes, settings } = state;
  assert.deepEqual([include, opacity, outline, token, decodes], [false, 0.8, true, "t", [3]]);
  assert.deepEqual(settings, { hosted: true });
});

test("the status says what is there", () => {
  const state = createState({ model: { name: "bundled", title: "samui-tiny", device: "cpu" } });
  assert.deepEqual(statusParts(state), ["No image open"]);
  state.image = { url: "", name: "a", width: 600, height: 400 };
  applyReply(state, { candidates: CANDIDATES, candidate: 0, mask: LEFT, timings: { encode: 1234, decode: 5.25 } });
  assert.deepEqual(statusParts(state), [
    "score 0.90", "50 px", "600×400", "samui-tiny on cpu", "encode 1.2 s", "decode 5.3 ms",
  ]);
  applyReply(state, { absent: true });
  assert.deepEqual(statusParts(state).slice(0, 2), ["the model sees nothing there", "score 0.90"]);
  applyReply(state, { absent: false });
  assert.equal(statusParts(state)[0], "score 0.90");
});

test("of candidates that look the same only the best is offered, or the chosen one", () => {
  const candidates = [{ like: null }, { like: 0 }, { like: null }];
  assert.deepEqual(offered({ candidates, candidate: null }), [0, 2]);
  assert.deepEqual(offered({ candidates, candidate: 2 }), [0, 2]);
  assert.deepEqual(offered({ candidates, candidate: 1 }), [1, 2]);
  assert.deepEqual(offered({ candidates: [{}, {}], candidate: 0 }), [0, 1]);
  assert.deepEqual(offered({ candidates: [], candidate: null }), []);
});
