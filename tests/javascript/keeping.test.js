// What is kept in the browser: only where no server keeps it, only what is new, and again where it failed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createKeeping } from "../../samui/canvas/work/keeping.js";
import { stateWithImage } from "./page.js";
import { pass, settle, stopClock } from "./time.js";

function object(id, fields = {}) {
  return { id, uid: `u${id}`, label: "", colour: "#112233", visible: true, score: 0.5, mask: null, counts: "", ...fields };
}

function page(t) {
  stopClock(t);
  const state = Object.assign(stateWithImage(), { settings: { keeps: false } });
  state.image.content = "c";
  const log = [];
  const self = { state, log, entries: [], elsewhere: false, fail: null };
  const database = {
    write: async (change) => {
      log.push(["write", change]);
      if (self.gate) await self.gate;
      if (self.fail) throw new Error(self.fail);
    },
    keepFile: async (content, file) => log.push(["file", content, file]),
    entries: async () => self.entries,
    read: async (content) => ({ content }),
  };
  const keeping = createKeeping({
    state, database, isElsewhere: async () => self.elsewhere, changed: () => log.push(["changed"]),
  });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return Object.assign(self, { keeping, named });
}

test("objects are kept, each once, and those that are deleted go", async (t) => {
  const { state, keeping, named } = page(t);
  const [one, two] = [object(1), object(2)];
  state.objects = [one, two];
  assert.equal(keeping.isDone(), false);
  keeping.update();
  await settle();
  assert.equal(keeping.isDone(), true);
  state.objects = [{ ...one, label: "cat" }];
  assert.equal(keeping.isDone(), false);
  keeping.update();
  await settle();
  const [[first], [second]] = named("write");
  assert.deepEqual([first.entry.order, first.changed.map(({ uid }) => uid), first.gone], [["u1", "u2"], ["u1", "u2"], []]);
  assert.deepEqual([second.entry.order, second.changed.map(({ label }) => label), second.gone], [["u1"], ["cat"], ["u2"]]);
  keeping.update();
  await settle();
  assert.equal(named("write").length, 2);
});

test("what changes while it is written is written after that", async (t) => {
  const self = page(t);
  const { state, keeping, named } = self;
  let open;
  self.gate = new Promise((resolve) => (open = resolve));
  state.objects = [object(1)];
  keeping.update();
  await settle();
  state.objects = [...state.objects, object(2)];
  keeping.update();
  assert.deepEqual([named("write").length, keeping.isDone()], [1, false]);
  open();
  await settle();
  assert.deepEqual([named("write").length, keeping.isDone()], [2, true]);
  assert.deepEqual(named("write")[1][0].changed.map(({ uid }) => uid), ["u2"]);
});

test("a prompt is kept before anything is accepted, and an image without work is not", async (t) => {
  const { state, keeping, named } = page(t);
  keeping.update();
  assert.deepEqual(named("write"), []);
  state.base = { points: [[1, 1, 1]], box: null };
  keeping.update();
  await settle();
  assert.deepEqual(named("write")[0][0].entry.work.prompt, state.base);
});

test("the file of an image is kept with the first work on it, once", async (t) => {
  const { state, keeping, named } = page(t);
  const file = new Blob(["x"]);
  state.source = { file, name: "a.png" };
  for (const id of [1, 2]) {
    state.objects = [object(id)];
    keeping.update();
    await settle();
  }
  assert.deepEqual(named("file"), [["c", file]]);
  assert.deepEqual(named("write").map(([{ entry }]) => entry.source), [null, null]);
});

test("where the server keeps everything, the browser keeps nothing", async (t) => {
  const { state, keeping, log } = page(t);
  state.settings = { keeps: true };
  state.image.home = "library:1";
  state.objects = [object(1)];
  keeping.update();
  await settle();
  assert.deepEqual([log, keeping.applies(), await keeping.find("c"), await keeping.last()], [[], false, null, null]);
});

test("a write that fails is told, and tried again until it is there", async (t) => {
  const self = page(t);
  const { state, keeping, named } = self;
  self.fail = "the disk is full";
  state.objects = [object(1)];
  keeping.update();
  await settle();
  assert.deepEqual([keeping.isDone(), keeping.failure()], [false, "the disk is full"]);
  keeping.update();
  await pass(4500);
  assert.equal(named("write").length, 1);
  self.fail = null;
  await pass(1000);
  assert.deepEqual([named("write").length, keeping.isDone(), keeping.failure()], [2, true, ""]);
});

test("nothing is written while the work is on its way back", async (t) => {
  const { state, keeping, named } = page(t);
  Object.assign(state, { restoring: true, objects: [object(1)] });
  keeping.update();
  await settle();
  assert.deepEqual(named("write"), []);
});

test("the image that was worked on last is found again, unless another tab has it or nothing is on it", async (t) => {
  const self = page(t);
  const entry = { content: "c", order: ["u1"], work: { prompt: { points: [], box: null } } };
  self.entries = [entry];
  assert.deepEqual(await self.keeping.last(), { content: "c" });
  self.elsewhere = true;
  assert.equal(await self.keeping.last(), null);
  self.elsewhere = false;
  self.entries = [{ ...entry, order: [] }];
  assert.equal(await self.keeping.last(), null);
  self.entries = [];
  assert.equal(await self.keeping.last(), null);
});
