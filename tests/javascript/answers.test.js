// What comes back, and what it changes on the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAnswers } from "../../samui/canvas/work/answers.js";
import { recorder, stateWithImage } from "./page.js";
import { pass, stopClock } from "./time.js";
import { wire } from "./masks.js";

function page(t) {
  stopClock(t);
  const log = [];
  const state = Object.assign(stateWithImage(), { epoch: 3 });
  const part = recorder(log);
  const answers = createAnswers({
    state, transport: part, view: part, notices: part, refresh: recorder([]), preview: part, closer: part, seat: part,
    prompt: () => state.base,
  });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return { answers, state, named };
}

/** A request of the page that was answered. */
function sent(action, fields = {}) {
  return { request: { action, epoch: 3 }, operations: [{}], began: performance.now(), roundtrip: 20, ...fields };
}

const MASK = wire(10, 10, () => true);

test("a reply is painted, and its times are told", (t) => {
  const { answers, state, named } = page(t);
  answers.reply({ ok: true, epoch: 3, rev: 2, mask: MASK }, sent("prompt"));
  assert.deepEqual(named("paint"), [["prompt", "mask"]]);
  assert.deepEqual([state.rev, state.timings.roundtrip, state.timings.paint], [2, 20, 0]);
});

test("what an answer was to is told to who looks closer", (t) => {
  const { answers, named } = page(t);
  answers.reply({ ok: true, epoch: 3, rev: 2 }, sent("prompt"));
  answers.reply({ ok: true, epoch: 2, rev: 9 }, sent("prompt"));
  assert.deepEqual(named("after"), [[{ action: "prompt", epoch: 3 }]]);
});

test("the times of a mask that was shown before it was asked for stay", (t) => {
  const { answers, state } = page(t);
  state.timings = { paint: 7, total: 9 };
  answers.reply({ ok: true, epoch: 3, rev: 2 }, sent("prompt", { operations: [{ shown: true }] }));
  assert.deepEqual(state.timings, { paint: 7, total: 9, roundtrip: 20 });
});

test("objects and found masks are painted with what they lie under", (t) => {
  const { answers, named } = page(t);
  answers.reply({ ok: true, epoch: 3, objects: { order: [], changed: [] } }, sent("accept"));
  answers.reply({ ok: true, epoch: 3, gone: { taken: [], rejected: [] } }, sent("keep"));
  assert.deepEqual(named("paint"), [["prompt", "found", "objects"], ["prompt", "mask", "found"]]);
});

for (const [what, reply] of [["another image", { epoch: 2, rev: 9 }], ["an older request", { epoch: 3, rev: 4 }]]) {
  test(`a reply to ${what} changes nothing`, (t) => {
    const { answers, state, named } = page(t);
    state.rev = 5;
    answers.reply({ ok: true, ...reply, mask: MASK }, sent("prompt"));
    assert.deepEqual([state.mask, state.rev, named("paint")], [null, 5, []]);
  });
}

test("a point that is no more is not selected", (t) => {
  const { answers, state } = page(t);
  state.selected = 1;
  answers.reply({ ok: true, epoch: 3, prompt: { points: [[1, 1, 1]], box: null } }, sent("undo"));
  assert.equal(state.selected, null);
});

test("a seat that went back to the image before is begun anew", (t) => {
  const { answers, named } = page(t);
  answers.reply({ ok: true, epoch: 3, moved: true }, sent("back"));
  assert.deepEqual([named("forget").length, named("begin").length], [1, 1]);
});

test("a refused action is told, and the page asks for what the server has", (t) => {
  const { answers, named } = page(t);
  answers.refuse({ ok: false, error: "no", kind: "prompt" }, sent("prompt"));
  assert.deepEqual([named("complain"), named("push")], [[["no"]], [[{ action: "state" }]]]);
  answers.refuse({ ok: false, error: "no", kind: "call" }, sent("state"));
  assert.equal(named("push").length, 1);
});

test("the message of a refusal stays until something succeeds that was done after it", async (t) => {
  const { answers, named } = page(t);
  const waiting = sent("undo");
  await pass(10);
  answers.refuse({ ok: false, error: "no", kind: "prompt" }, sent("prompt"));
  answers.reply({ ok: true, epoch: 3 }, waiting);
  await pass(10);
  answers.reply({ ok: true, epoch: 3 }, sent("state"));
  assert.deepEqual(named("complain"), [["no"]]);
  answers.reply({ ok: true, epoch: 3 }, sent("undo"));
  assert.deepEqual(named("complain"), [["no"], [""]]);
  await pass(10);
  answers.reply({ ok: true, epoch: 3 }, sent("undo"));
  assert.equal(named("complain").length, 2);
});

test("a lost seat is begun anew, and what was asked waits for it", (t) => {
  const { answers, named } = page(t);
  answers.refuse({ ok: false, error: "gone.", kind: "session" }, sent("prompt"), 0);
  assert.deepEqual([named("restart").length, named("begin"), named("forget"), named("complain")], [1, [[]], [], []]);
});

test("what was left out behind a refused step is told", (t) => {
  const { answers, named } = page(t);
  answers.refuse({ ok: false, error: "no", kind: "prompt" }, sent("prompt"), 2);
  answers.refuse({ ok: false, error: "no", kind: "prompt" }, sent("prompt"), 1);
  assert.deepEqual(named("complain"), [
    ["no. The 2 steps behind it were left out."], ["no. The step behind it was left out."],
  ]);
});

test("changes that somebody else was faster with are told", (t) => {
  const { answers, named } = page(t);
  answers.reply({ ok: true, epoch: 3, notices: ["object 1: was deleted by anna first", "Done."] }, sent("accept"));
  assert.deepEqual(named("advise"), [["object 1: was deleted by anna first. Done."]]);
});

test("what the server could not keep is told, until it has", (t) => {
  const { answers, state } = page(t);
  const objects = (changed) => ({ order: [1], changed: [{ id: 1, uid: "u", label: "", ...changed }] });
  answers.reply({ ok: true, epoch: 3, objects: objects(), saved: false, why: "the disk is full" }, sent("accept"));
  assert.deepEqual([state.refusal, state.safe.length, state.objects.length], ["the disk is full", 0, 1]);
  answers.reply({ ok: true, epoch: 3 }, sent("prompt"));
  assert.deepEqual([state.refusal, state.safe], ["", state.objects]);
});

test("an image that the server has left is asked for, unless another one is on its way", (t) => {
  const { answers, state, named } = page(t);
  const stale = { ok: false, error: "old", kind: "epoch" };
  answers.refuse(stale, { ...sent("prompt"), request: { action: "prompt", epoch: 2 } });
  state.opening = true;
  answers.refuse(stale, sent("prompt"));
  assert.deepEqual([named("begin"), named("complain")], [[], []]);
  state.opening = false;
  answers.refuse(stale, sent("prompt"));
  assert.deepEqual([named("forget").length, named("restart").length, named("begin").length], [1, 1, 1]);
});
