// What the page holds goes back into a new seat: image, objects, the object at work, and what had no answer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { edits } from "../../samui/canvas/core/prompt.js";
import { createRestore } from "../../samui/canvas/work/restore.js";
import { recorder, stateWithImage } from "./page.js";
import { settle } from "./time.js";

const NONE = { points: [], box: null };
const PROMPT = { points: [[1, 1, 1]], box: null };

function object(id, fields = {}) {
  return {
    id, uid: `u${id}`, label: "", colour: "#112233", visible: true, score: 0.5,
    mask: { width: 100, height: 80 }, counts: "abc", ...fields,
  };
}

function page(fields = {}) {
  const log = [];
  const state = Object.assign(stateWithImage(), { source: { sample: "cat" }, ...fields });
  state.image.content = "c";
  const self = { log, state, unanswered: [], opens: true, kept: null, found: null, answers: null };
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  const restore = createRestore({
    state,
    transport: recorder(log, { unanswered: () => self.unanswered }),
    notices: recorder(log),
    image: recorder(log),
    seat: recorder(log, {
      put: async (sent) => (self.answers ? self.answers(sent) : { ok: true, known: [] }),
      takeAll: (reply) => (state.objects = reply.objects || state.objects),
    }),
    long: recorder(log, { openAgain: () => self.opens }),
    keeping: {
      last: async () => self.kept, find: async () => self.found, read: async () => self.found, isDone: () => true,
    },
  });
  const arrive = (image = state.image, epoch = state.epoch) => restore.arrived({ event: "open", stage: "ready", image, epoch });
  return Object.assign(self, { restore, named, arrive });
}

test("an image with objects is opened again where it came from, and all goes back in its order", async () => {
  const objects = [object(1), object(2, { label: "cat" })];
  const { state, restore, named, arrive } = page({ objects, base: PROMPT, candidate: 1, epoch: 7, serial: 9 });
  assert.equal(await restore.lost({ epoch: 0 }), true);
  assert.deepEqual([state.restoring, state.epoch, state.serial, restore.waitsFor()], [true, 0, 0, "a.png"]);
  assert.deepEqual(named("openAgain"), [[{ sample: "cat" }]]);
  assert.equal(await arrive(), true);
  const [[put]] = named("put");
  assert.deepEqual(put.objects.map(({ uid, label }) => [uid, label]), [["u1", ""], ["u2", "cat"]]);
  assert.deepEqual(put.newer, ["u1", "u2"]); // nobody has said that they are kept
  const [[operations]] = named("replace");
  assert.deepEqual(operations.map(({ action }) => action), [undefined, "choose"]);
  assert.deepEqual([operations[0].edit(NONE), operations[1].candidate], [PROMPT, 1]);
  assert.deepEqual([state.restoring, restore.waitsFor(), named("enter")], [false, "", [["ready"]]]);
});

test("an image that nothing was done on is opened again all the same", async () => {
  const { restore, named, arrive } = page();
  assert.equal(await restore.lost({ epoch: 0 }), true);
  assert.equal(await arrive(), true);
  assert.deepEqual(named("put").map(([{ objects }]) => objects), [[]]);
});

test("a page without an image has nothing to bring back, unless the browser has", async () => {
  const { state, restore, named } = page();
  state.image = null;
  assert.equal(await restore.lost({ epoch: 0 }), false);
  assert.deepEqual([state.restoring, named("openAgain")], [false, []]);
});

test("a step that had no answer goes after all that it was built on; one that was applied is not asked again", async () => {
  const self = page({ objects: [object(1)], base: PROMPT });
  const accept = { action: "accept", op: "a" };
  const click = { edit: edits.addPoint(5, 5, 1) };
  self.unanswered = [accept, click];
  await self.restore.lost({ epoch: 0 });
  self.answers = () => ({ ok: true, known: ["a"], objects: [object(1), object(2)] });
  await self.arrive();
  assert.deepEqual(self.named("put")[0][0].asked, ["a"]);
  assert.deepEqual(self.named("replace"), [[[click]]]); // the prompt went with the accept

  const other = page({ objects: [object(1)], base: PROMPT });
  other.unanswered = [accept, click];
  await other.restore.lost({ epoch: 0 });
  await other.arrive();
  const [[operations]] = other.named("replace");
  assert.deepEqual(operations.map(({ action, edit }) => action || typeof edit), ["function", "accept", "function"]);
});

test("what was to come before a step that was applied is not asked for again either", async () => {
  const self = page({ objects: [object(1)] });
  self.unanswered = [{ edit: () => PROMPT }, { action: "choose", op: "b" }, { action: "accept", op: "a" }, { action: "undo", op: "c" }];
  await self.restore.lost({ epoch: 0 });
  self.answers = () => ({ ok: true, known: ["a"] });
  await self.arrive();
  assert.deepEqual(self.named("replace"), [[[{ action: "undo", op: "c" }]]]);
});

test("what is done meanwhile comes last, and names its objects by their new numbers", async () => {
  const self = page({ objects: [object(1), object(2)] });
  await self.restore.lost({ epoch: 0 });
  self.unanswered = [{ action: "delete", object: 2 }];
  self.answers = () => ({ ok: true, objects: [object(1), object(9, { uid: "u2" })] });
  await self.arrive();
  assert.deepEqual(self.named("replace"), [[[{ action: "delete", object: 9 }]]]);
});

test("a seat that goes again in the middle begins all anew, with the same work", async () => {
  const self = page({ objects: [object(1)] });
  await self.restore.lost({ epoch: 0 });
  self.answers = () => ({ ok: false, kind: "session", error: "gone" });
  assert.equal(await self.arrive(), true);
  assert.deepEqual([self.named("begin").length, self.named("replace"), self.restore.waitsFor()], [1, [], "a.png"]);
  self.answers = null;
  await self.restore.lost({ epoch: 0 });
  await self.arrive();
  assert.deepEqual([self.named("put").length, self.named("replace").length, self.restore.waitsFor()], [2, 1, ""]);
});

test("an object that the server does not take is told by name, and holds up no other", async () => {
  const self = page({ objects: [object(1), object(2, { label: "cup" }), object(3)] });
  await self.restore.lost({ epoch: 0 });
  self.answers = ({ objects }) => objects.some(({ uid }) => uid === "u2")
    ? { ok: false, kind: "request", error: "no mask" } : { ok: true };
  await self.arrive();
  assert.deepEqual(self.named("put").map(([{ objects }]) => objects.map(({ uid }) => uid).join()), [
    "u1,u2,u3", "u1", "u2", "u3",
  ]);
  assert.deepEqual(self.named("complain"), [["The server does not take cup (2) back: no mask"]]);
});

test("an image that cannot be had again is asked for, and another file of it will do", async () => {
  const self = page({ objects: [object(1)], source: null });
  await self.restore.lost({ epoch: 0 });
  assert.match(self.named("complain")[0][0], /needs a\.png again: choose the file/);
  assert.equal(await self.arrive({ ...self.state.image, content: "other", width: 99 }), false);
  assert.match(self.named("complain")[1][0], /objects of a\.png wait/);
  assert.deepEqual([self.state.restoring, self.restore.waitsFor()], [false, "a.png"]);
  assert.equal(await self.arrive(), true);
  assert.equal(self.named("put").length, 1);
});

test("a sample that is no more is asked for as well", async () => {
  const self = page({ objects: [object(1)] });
  await self.restore.lost({ epoch: 0 });
  assert.equal(self.restore.failed({ event: "open", stage: "error", kind: "request" }), true);
  assert.match(self.named("complain")[0][0], /needs a\.png again/);
});

test("a seat that has no image yet is given it again", async () => {
  const self = page({ objects: [object(1)] });
  await self.restore.lost({ epoch: 0 });
  self.restore.again();
  assert.deepEqual(self.named("openAgain").length, 2);
});

test("an image that fails to open is nothing to a page that waits for none", () => {
  assert.equal(page().restore.failed({ event: "open", stage: "error" }), false);
});

test("what the browser kept of an image comes back when it is opened", async () => {
  const self = page();
  self.found = { content: "c", name: "a.png", source: null, objects: [{ uid: "u1", id: 1, mask: { size: [80, 100] } }],
    newer: [], gone: [], work: { prompt: NONE, candidate: null, active: null, snap: false } };
  assert.equal(await self.arrive(), true);
  assert.deepEqual(self.named("put")[0][0].objects.map(({ uid }) => uid), ["u1"]);
  await settle();
  assert.deepEqual(self.named("enter"), [["ready"]]);
});

test("nothing is put where nothing is held", async () => {
  const self = page();
  assert.equal(await self.arrive(), false);
  assert.deepEqual(self.named("put"), []);
});

/** A page that was loaded anew, with what it took along. */
function loadedAnew(t, before) {
  const stored = { "samui.held": JSON.stringify(before.restore.taken()) };
  globalThis.sessionStorage = {
    getItem: (name) => stored[name] ?? null, removeItem: (name) => delete stored[name], setItem() {},
  };
  t.after(() => delete globalThis.sessionStorage);
  const self = page();
  const { image } = self.state;
  self.state.image = null;
  return Object.assign(self, { stored, image });
}

const ACCEPT = { action: "accept", op: "a" };

test("a page that was loaded anew brings back what it took along", async (t) => {
  const before = page({ objects: [object(1)], base: PROMPT, source: { sample: "cat" } });
  before.unanswered = [ACCEPT];
  const self = loadedAnew(t, before);
  self.found = { objects: [{ uid: "u1" }, { uid: "u0" }], source: { file: 1 } }; // kept in the browser before
  assert.equal(await self.restore.lost({ epoch: 0, resumed: true, image: null }), true);
  assert.deepEqual(self.named("openAgain").map(([{ sample }]) => sample), ["cat"]);
  self.state.image = self.image;
  await self.arrive();
  assert.deepEqual(self.named("put")[0][0].objects.map(({ uid }) => uid), ["u0", "u1"]);
  const [[operations]] = self.named("replace");
  assert.deepEqual([operations[0].edit(NONE), operations[1]], [PROMPT, ACCEPT]);
  assert.deepEqual(self.stored, {});
});

test("a seat that has the image already gets what the page took along before it is shown", async (t) => {
  const before = page({ objects: [object(1)] });
  before.unanswered = [ACCEPT];
  const self = loadedAnew(t, before);
  assert.equal(await self.restore.lost({ epoch: 4, resumed: true, image: self.image }), false);
  assert.deepEqual([self.state.restoring, self.named("openAgain")], [true, []]);
  self.state.image = self.image;
  await self.arrive();
  assert.deepEqual([self.named("put")[0][0].asked, self.named("replace")], [["a"], [[[ACCEPT]]]]);
});

test("nothing is taken along from a page without an image", () => {
  const self = page();
  self.state.image = null;
  assert.equal(self.restore.taken(), null);
});
