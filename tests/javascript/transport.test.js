// The queue to the server: order, merging, and what is asked for ahead.

import assert from "node:assert/strict";
import { test } from "node:test";

import { edits } from "../../samui/canvas/core/prompt.js";
import { OK, POINT, page } from "./line.js";
import { pass, settle } from "./time.js";

test("one action is in flight, the rest waits in order", async (t) => {
  const { transport, calls, actions, names } = page(t);
  for (const action of ["undo", "redo", "choose"]) transport.push({ action });
  assert.deepEqual(actions(), ["undo"]);
  calls[0].answer(OK);
  await settle();
  assert.deepEqual(actions(), ["undo", "redo"]);
  calls[1].answer(OK);
  await settle();
  assert.deepEqual(actions(), ["undo", "redo", "choose"]);
  assert.equal(transport.busy(), true);
  calls[2].answer(OK);
  await settle();
  assert.equal(transport.busy(), false);
  assert.deepEqual(names().filter((name) => name === "reply").length, 3);
});

test("a request carries what every request does, a rising revision, and the fields of its action alone", async (t) => {
  const { transport, calls } = page(t);
  transport.raise(40);
  transport.raise(7);
  transport.raise();
  transport.push({ action: "choose", candidate: 2 }, 123);
  calls[0].answer(OK);
  await settle();
  transport.push({ action: "undo" });
  assert.deepEqual(calls.map(({ request }) => request), [
    { token: "s", epoch: 1, seen: 0, rev: 41, op: calls[0].request.op, action: "choose", candidate: 2 },
    { token: "s", epoch: 1, seen: 0, rev: 42, op: calls[1].request.op, action: "undo" },
  ]);
  for (const { request } of calls) assert.match(request.op, /^[0-9a-f]{32}$/);
  assert.notEqual(calls[0].request.op, calls[1].request.op);
});

test("edits that wait go out as one whole prompt, and not across an action", async (t) => {
  const { transport, calls, actions } = page(t);
  for (const x of [1, 2, 3]) transport.push({ edit: edits.addPoint(x, 0, 1) }, 10 * x);
  transport.push({ action: "accept" });
  transport.push({ edit: edits.addPoint(9, 0, 0) });
  assert.equal(transport.unanswered().length, 5);
  calls[0].answer(OK);
  await settle();
  assert.deepEqual(calls[1].request.points, [[2, 0, 1], [3, 0, 1]]);
  calls[1].answer(OK);
  await settle();
  calls[2].answer(OK);
  await settle();
  assert.deepEqual(actions(), ["prompt", "prompt", "accept", "prompt"]);
  assert.deepEqual(calls[3].request.points, [[9, 0, 0]]);
});

test("the gesture that a reply is timed from is the last of those that it answers", async (t) => {
  const { transport, calls, told } = page(t);
  transport.push({ action: "undo" }, 1);
  transport.push({ edit: POINT }, 20);
  transport.push({ edit: POINT }, 30);
  calls[0].answer(OK);
  await pass(15);
  calls[1].answer(OK);
  await settle();
  const sent = told.filter(([name]) => name === "reply")[1][2];
  assert.deepEqual([sent.began, sent.roundtrip, sent.operations.length], [30, 15, 2]);
});

test("a prompt of nothing is cleared", (t) => {
  const { transport, calls } = page(t);
  transport.push({ edit: edits.setBox(null) });
  assert.equal(calls[0].request.action, "clear");
});

test("nothing goes before the page is ready, and all of it then", (t) => {
  const self = page(t);
  self.ready = false;
  self.transport.push({ action: "undo" });
  assert.deepEqual([self.actions(), self.transport.busy()], [[], true]);
  self.ready = true;
  self.transport.next();
  assert.deepEqual(self.actions(), ["undo"]);
});

test("an answer that was overtaken is none, and the page asks where nothing else follows", async (t) => {
  const { transport, calls, actions, names } = page(t);
  transport.push({ edit: POINT });
  calls[0].answer({ ok: true, overtaken: true });
  await settle();
  assert.deepEqual([actions(), names()], [["prompt", "state"], ["online"]]);
});

test("a refusal is told, and what builds on it is left out; what stands apart goes on", async (t) => {
  const { transport, calls, actions, told } = page(t);
  for (const asked of [{ edit: POINT }, { action: "accept" }, { edit: POINT }]) transport.push(asked);
  transport.push({ action: "relabel", object: 1, label: "cat" });
  const refusal = { ok: false, error: "no", kind: "prompt" };
  calls[0].answer(refusal);
  await settle();
  const [, heard, , left] = told.find(([name]) => name === "refuse");
  assert.deepEqual([heard, left], [refusal, 2]);
  assert.deepEqual(actions(), ["prompt", "relabel"]);
});

test("nothing waits for a step that stands apart", async (t) => {
  const { transport, calls, actions, told } = page(t);
  for (const action of ["delete", "accept"]) transport.push({ action });
  calls[0].answer({ ok: false, error: "no such object", kind: "state" });
  await settle();
  assert.deepEqual([actions(), told.find(([name]) => name === "refuse")[3]], [["delete", "accept"], 0]);
});

for (const kind of ["session", "epoch"]) {
  test(`what a server refuses since it does not know the ${kind} is asked again, under the same name`, async (t) => {
    const self = page(t);
    self.transport.push({ action: "accept", label: "cup" });
    self.transport.push({ edit: POINT });
    self.ready = false; // as whoever hears of it sees to
    self.calls[0].answer({ ok: false, error: "gone", kind });
    await settle();
    assert.deepEqual(self.transport.unanswered().map(({ action }) => action), ["accept", undefined]);
    self.epoch = 2;
    self.ready = true;
    self.transport.next();
    const [first, again] = self.calls.map(({ request }) => request);
    assert.deepEqual([again.action, again.label, again.op, again.epoch], ["accept", "cup", first.op, 2]);
    assert.ok(again.rev > first.rev);
  });
}

test("others take the place of what was not answered, and keep their names", async (t) => {
  const self = page(t);
  self.ready = false;
  self.transport.push({ action: "accept" });
  const [kept] = self.transport.unanswered();
  self.transport.replace([{ edit: POINT }, { action: "choose", candidate: 1 }, kept]);
  self.respond = async () => OK;
  self.ready = true;
  self.transport.next();
  await settle();
  assert.deepEqual(self.actions(), ["prompt", "choose", "accept"]);
  assert.equal(self.calls[2].request.op, kept.op);
  assert.match(self.calls[1].request.op, /^[0-9a-f]{32}$/);
});

test("what is forgotten is not answered, and nobody waits for it", async (t) => {
  const { transport, calls, names } = page(t);
  transport.push({ edit: POINT });
  transport.push({ action: "undo" });
  const settled = transport.settled();
  transport.forget();
  await settled;
  calls[0].answer(OK);
  await settle();
  assert.deepEqual([names(), transport.busy(), transport.unanswered()], [[], false, []]);
});

test("settled waits for the last answer", async (t) => {
  const { transport, calls } = page(t);
  let done = false;
  transport.push({ action: "undo" });
  transport.push({ action: "redo" });
  transport.settled().then(() => (done = true));
  calls[0].answer(OK);
  await settle();
  assert.equal(done, false);
  calls[1].answer(OK);
  await settle();
  assert.equal(done, true);
});

test("what had no answer is asked again, before what waits", async (t) => {
  const self = page(t);
  const { transport, calls, actions } = self;
  transport.push({ edit: edits.addPoint(1, 0, 1) });
  transport.push({ edit: edits.addPoint(2, 0, 1) });
  transport.restart();
  transport.next();
  assert.deepEqual(calls[1].request.points, [[1, 0, 1], [2, 0, 1]]);
  transport.forget();
  transport.push({ action: "accept" });
  transport.restart();
  transport.next();
  assert.deepEqual(actions(), ["prompt", "prompt", "accept", "accept"]);
  assert.equal(calls[2].request.op, calls[3].request.op);
});

// --- what is asked for ahead -------------------------------------------------------------------------------------

test("of previews one is out and the newest waits", async (t) => {
  const { transport, calls, told } = page(t);
  for (const x of [1, 2, 3]) transport.hover(x, 5);
  assert.equal(calls.length, 1);
  calls[0].answer({ ok: true, hover: "first" });
  await settle();
  assert.deepEqual(calls.map(({ request }) => request.x), [1, 3]);
  calls[1].answer({ ok: true, hover: "last" });
  await settle();
  assert.deepEqual(told.map(([name, reply, { at }]) => [name, reply.hover, at]), [["hover", "last", { x: 3, y: 5 }]]);
});

test("actions go before previews, which are asked for when all is answered, or not at all", async (t) => {
  const { transport, calls, actions } = page(t);
  transport.push({ action: "undo" });
  transport.hover(1, 1);
  assert.deepEqual(actions(), ["undo"]);
  calls[0].answer(OK);
  await settle();
  transport.hover(2, 2);
  transport.drop();
  assert.deepEqual(actions(), ["undo", "hover"]);
});

test("where nothing is snapped the preview is what a click would bring", async (t) => {
  const self = page(t);
  self.snaps = false;
  self.transport.hover(7, 8);
  assert.deepEqual([self.calls[0].request.action, self.calls[0].request.points], ["prepare", [[7, 8, 1]]]);
  self.calls[0].answer({ ok: true, mask: "m" });
  await settle();
  assert.equal(self.transport.foreseen(edits.addPoint(7, 8, 1)).mask, "m");
  assert.equal(self.transport.foreseen(edits.addPoint(7, 8, 0)), null);
});

async function prepared(self, edit = POINT) {
  self.transport.prepare(edit);
  self.calls.at(-1).answer({ ok: true, mask: "m", timings: {} });
  await settle();
}

test("what a gesture may bring is asked for, and there when it does", async (t) => {
  const self = page(t);
  await prepared(self);
  assert.deepEqual(self.names(), ["prepared"]);
  assert.equal(self.transport.foreseen(POINT).mask, "m");
  self.transport.prepare(POINT);
  assert.equal(self.calls.length, 1);
});

test("of two that are wanted the newest is asked for when the one before is answered", async (t) => {
  const { transport, calls } = page(t);
  for (const x of [1, 2, 3]) transport.prepare(edits.addPoint(x, 0, 1));
  calls[0].answer(OK);
  await settle();
  assert.deepEqual(calls.map(({ request }) => request.points), [[[1, 0, 1]], [[3, 0, 1]]]);
});

for (const [how, change] of [
  ["another reply was applied", (self) => (self.serial = 5)],
  ["another image is open", (self) => (self.epoch = 2)],
  ["the prompt is another", (self) => (self.base = { points: [[9, 9, 1]], box: null })],
  ["an action is unanswered", (self) => self.transport.push({ action: "undo" })],
  ["the page is not ready", (self) => (self.ready = false)],
]) {
  test(`what was made ahead is of no use where ${how}`, async (t) => {
    const self = page(t);
    await prepared(self);
    change(self);
    assert.equal(self.transport.foreseen(POINT), null);
  });
}

for (const reply of [{ ok: false, error: "no", kind: "prompt" }, { ok: true, overtaken: true }, undefined]) {
  test(`nothing was made ahead by ${JSON.stringify(reply)}`, async (t) => {
    const self = page(t);
    self.transport.prepare(POINT);
    await (self.calls[0].answer(reply), settle());
    assert.deepEqual([self.names(), self.transport.foreseen(POINT)], [[], null]);
  });
}

test("what is asked aside carries no revision, waits for nothing and holds nothing up", async (t) => {
  const { transport, calls, actions } = page(t);
  const fields = { action: "prepare", points: [[1, 2, 1]], box: null, close_ups: true };
  const told = transport.aside(fields);
  transport.push({ action: "undo" });
  const asked = { token: "s", epoch: 1, seen: 0, rev: 0, ...fields };
  assert.deepEqual([actions(), calls[0].request], [["prepare", "undo"], asked]);
  calls[0].answer({ ...OK, serial: 4 });
  assert.deepEqual(await told, { ok: true, serial: 4 });
});
