// The answer from closer views: when it is asked for, when it is painted, and what comes before it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createCloser } from "../../samui/canvas/work/closer.js";
import { recorder, stateWithImage } from "./page.js";
import { pass, settle, stopClock } from "./time.js";
import { wire } from "./masks.js";

const PROMPT = { points: [[5, 5, 1]], box: null };
const CLICK = { action: "prompt", ...PROMPT };
const SMALL = wire(10, 10, (x, y) => x < 2 && y < 2);
const FOUND = { ok: true, epoch: 3, rev: 0, serial: 8, mask: SMALL, candidates: [{ score: 0.7 }], candidate: 0 };

/** A page that shows the answer to a click, and a server that answers when the test says so. */
function page(t, { closely = true } = {}) {
  stopClock(t);
  const log = [];
  const asked = []; // {fields, answer(reply)}
  const state = Object.assign(stateWithImage(), { epoch: 3, serial: 7, base: PROMPT });
  state.settings = { model: { name: "m", device: "cpu", close_ups: closely } };
  const self = { busy: false };
  const transport = recorder(log, {
    busy: () => self.busy,
    aside: (fields) => new Promise((answer) => asked.push({ fields, answer })),
  });
  const closer = createCloser({ state, transport, view: recorder(log), refresh: recorder([]) });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return Object.assign(self, { state, asked, closer, named });
}

test("after a prompt the final mask is asked for, painted and then set", async (t) => {
  const { closer, asked, state, named } = page(t);
  closer.after(CLICK);
  assert.equal(closer.busy(), true);
  assert.deepEqual(asked[0].fields, { action: "prepare", ...PROMPT, close_ups: true });
  asked[0].answer(FOUND);
  await settle();
  assert.equal(closer.busy(), false);
  assert.deepEqual([state.mask.area, state.serial, state.score], [4, 8, 0.7]);
  assert.deepEqual(named("paint"), [["mask", "prompt"]]);
  assert.deepEqual(named("push"), [[{ ...CLICK, close_ups: true, shown: true }]]);
});

for (const [what, request] of [
  ["anything but a prompt", { action: "choose", candidate: 1 }],
  ["the final answer itself", { ...CLICK, close_ups: true }],
]) {
  test(`after ${what} nothing closer is asked for`, (t) => {
    const { closer, asked } = page(t);
    closer.after(request);
    assert.deepEqual([asked.length, closer.busy()], [0, false]);
  });
}

test("a model that sees the whole image well enough is not asked", (t) => {
  const { closer, asked } = page(t, { closely: false });
  closer.after(CLICK);
  assert.equal(asked.length, 0);
});

test("nothing is asked for while another gesture waits to be sent", (t) => {
  const self = page(t);
  self.busy = true;
  self.closer.after(CLICK);
  assert.equal(self.asked.length, 0);
});

for (const [what, change] of [
  ["another gesture on its way", (self) => (self.busy = true)],
  ["another state", (self) => (self.state.serial = 9)],
  ["another image", (self) => (self.state.epoch = 4)],
]) {
  test(`an answer that finds ${what} is dropped`, async (t) => {
    const self = page(t);
    self.closer.after(CLICK);
    change(self);
    self.asked[0].answer(FOUND);
    await pass(1000);
    assert.equal(self.state.mask, null);
    assert.deepEqual([self.named("push"), self.named("paint"), self.asked.length], [[], [], 1]);
  });
}

test("the answer to the prompt before is dropped, and that to the newest taken", async (t) => {
  const { closer, asked, state } = page(t);
  closer.after(CLICK);
  state.serial = 9;
  closer.after(CLICK);
  asked[0].answer(FOUND);
  await settle();
  assert.deepEqual([state.mask, closer.busy()], [null, true]);
  asked[1].answer(FOUND);
  await settle();
  assert.deepEqual([state.mask.area, closer.busy()], [4, false]);
});

for (const [what, reply] of [["lost", null], ["refused", { ok: false, kind: "model", error: "no memory" }]]) {
  test(`an answer that is ${what} leaves the mask that is there`, async (t) => {
    const { closer, asked, named, state } = page(t);
    closer.after(CLICK);
    asked[0].answer(reply);
    await settle();
    assert.deepEqual([state.mask, named("push"), closer.busy()], [null, [], false]);
  });
}

test("where a press has overtaken it and came to nothing, it is asked for again", async (t) => {
  const { closer, asked, state } = page(t);
  closer.after(CLICK);
  asked[0].answer({ ok: true, overtaken: true });
  await settle();
  assert.equal(asked.length, 1);
  await pass(400);
  assert.equal(asked.length, 2);
  asked[1].answer(FOUND);
  await settle();
  assert.equal(state.mask.area, 4);
});

test("a mask is not replaced under a box that is being drawn", async (t) => {
  const { closer, asked, state } = page(t);
  closer.after(CLICK);
  state.draft = { points: [], box: [1, 1, 5, 5] };
  asked[0].answer(FOUND);
  await settle();
  assert.equal(state.mask, null);
  state.draft = null; // the box is given up
  await pass(400);
  asked[1].answer(FOUND);
  await settle();
  assert.equal(state.mask.area, 4);
});
