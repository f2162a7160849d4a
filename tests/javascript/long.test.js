// Long work: what its steps change, what ends it, and what is called off.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createRequests } from "../../samui/canvas/net/requests.js";
import { createLongWork } from "../../samui/canvas/work/long.js";
import { recorder, stateWithImage } from "./page.js";
import { pass, settle, stopClock } from "./time.js";

const FILE = { name: "a.png" };

function page(t) {
  stopClock(t);
  const log = [];
  const fired = []; // [name, payload]
  const state = stateWithImage();
  const props = {};
  let serial = 0;
  const self = { log, fired, state, props, step: "", moved: false, heard: true, held: false, upload: async () => ({ path: "p" }) };
  const requests = createRequests(state, props, (name, payload) => fired.push([name, payload]));
  const work = createLongWork({
    state,
    requests,
    transport: { settled: () => self.settled || Promise.resolve() },
    notices: recorder(log, { work: (text) => (self.step = text), step: () => self.step }),
    refresh: recorder([]),
    panel: recorder(log),
    image: recorder(log, {
      encodes: () => state.stage === "image" || state.stage === "encoding",
      enter: (stage) => (state.stage = stage),
      show: (image, epoch) => Object.assign(state, { image, epoch }),
    }),
    seat: recorder(log, { hasMoved: async () => self.moved, abandon: async () => self.heard }),
    finding: recorder(log),
    restore: recorder(log, { arrived: async () => self.held, failed: () => self.held }),
    upload: (file) => self.upload(file),
    stayed: () => log.push(["stayed"]),
  });
  const tell = (event, stage, fields) =>
    work.take({ event, stage, serial_event: ++serial, asked: fired.filter(([name]) => name === event).length, ...fields });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return Object.assign(self, { work, tell, named });
}

const IMAGE = { url: "image/2", width: 10, height: 10, name: "b.png" };

test("a file is sent, opened, encoded and ready", async (t) => {
  const { work, state, fired, tell, named, props } = page(t);
  const sent = work.openFile(FILE);
  assert.deepEqual([state.opening, state.sending], [true, true]);
  await sent;
  assert.deepEqual([state.opening, state.sending], [true, false]);
  assert.deepEqual(fired, [["open", {
    token: "t", asked: 1, file: { path: "p", meta: { _type: "gradio.FileData" }, orig_name: "a.png" },
  }]]);
  tell("open", "reading");
  tell("open", "image", { epoch: 1, image: IMAGE });
  assert.deepEqual([state.opening, state.image, state.stage], [false, IMAGE, "image"]);
  tell("open", "encoding", { epoch: 1, image: IMAGE });
  tell("open", "ready", { epoch: 1, image: IMAGE, state: { ok: true, epoch: 1 }, timings: { encode: 9 } });
  await settle();
  assert.deepEqual([state.stage, state.timings.encode, named("takeState").length], ["ready", 9, 1]);
  assert.deepEqual(props.value, { token: "t" });
  assert.deepEqual([state.source.name, state.source.file], ["a.png", FILE]);
});

test("what the page holds of an image goes before what the server has", async (t) => {
  const self = page(t);
  self.held = true;
  self.work.openSample("cat");
  self.tell("open", "encoding", { epoch: 1, image: IMAGE });
  self.tell("open", "ready", { epoch: 1, image: IMAGE, state: { ok: true, epoch: 1 } });
  await settle();
  assert.deepEqual([self.named("arrived").length, self.named("takeState"), self.state.stage], [1, [], "encoding"]);
  assert.deepEqual(self.state.source, { sample: "cat" });
});

for (const [what, source, payload] of [
  ["that is a sample", { sample: "cat" }, { sample: "cat" }],
  ["that the server has", { image: "u1", name: "a.png" }, { image: "u1" }],
  ["that the page has", { file: new Blob(["x"]), name: "a.png" }, {
    file: { path: "p", meta: { _type: "gradio.FileData" }, orig_name: "a.png" },
  }],
]) {
  test(`an image ${what} is opened again without anybody's help`, async (t) => {
    const self = page(t);
    assert.equal(self.work.openAgain(source), true);
    await settle();
    assert.deepEqual(self.fired, [["open", { token: "t", asked: 1, ...payload }]]);
  });
}

test("an image that comes from nowhere is not opened again, and what waits for one is told if it cannot be", async (t) => {
  const self = page(t);
  assert.equal(self.work.openAgain({}), false);
  self.held = true;
  self.work.openSample("cat");
  self.tell("open", "error", { error: "no", kind: "image" });
  assert.deepEqual([self.named("failed").length, self.state.opening], [1, false]);
  self.upload = async () => { throw new Error("gone"); };
  await self.work.openFile(FILE);
  assert.equal(self.named("failed").length, 2);
});

test("a step that comes twice is one, and a sign of life is none", (t) => {
  const { work, named } = page(t);
  work.loadModel("m");
  const step = { event: "model", stage: "loading", serial_event: 5, asked: 1 };
  work.take(step);
  work.take(step);
  work.take({ event: "life", serial_event: 6 });
  work.take(null);
  work.take({});
  assert.deepEqual(named("work"), [["Loading the model."], ["Loading the model."]]);
});

for (const [event, begin, flag] of [
  ["open", ({ work }) => work.openSample("cat"), "opening"],
  ["model", ({ work }) => work.loadModel("m"), "loading"],
  ["save", ({ work, state }) => { state.objects = [{}]; return work.save({ format: "coco" }); }, "saving"],
]) {
  test(`${event} that fails is told, and the page goes on as it was`, async (t) => {
    const self = page(t);
    await begin(self);
    assert.equal(self.state[flag], true);
    self.tell(event, "error", { error: "no", kind: "image" });
    assert.deepEqual([self.state[flag], self.step, self.state.stage], [false, "", "ready"]);
    assert.deepEqual(self.named("complain").at(-1), ["no"]);
    assert.equal(self.named("resetModel").length, event === "model" ? 1 : 0);
  });

  test(`an older ${event} that fails is not taken for the newest`, async (t) => {
    const self = page(t);
    await begin(self);
    self.tell(event, "error", { error: "no", asked: 0 });
    assert.equal(self.state[flag], true);
  });

  test(`${event} without a word for three minutes is given up`, async (t) => {
    const self = page(t);
    await begin(self);
    await pass(180000);
    assert.deepEqual(self.named("complain").at(-1), ["The server does not answer. Try again."]);
    assert.equal(self.state[flag], false);
  });

  test(`${event} is waited for as long as there are words`, async (t) => {
    const self = page(t);
    await begin(self);
    for (let i = 0; i < 60; i++) {
      await pass(5000);
      self.tell("life");
    }
    assert.deepEqual([self.state[flag], self.named("hasMoved").length], [true, 0]);
  });
}

test("encoding that fails leaves a page that a click tries again", (t) => {
  const self = page(t);
  self.work.openSample("cat");
  self.tell("open", "encoding", { epoch: 1, image: IMAGE });
  self.tell("open", "error", { error: "no" });
  assert.equal(self.state.stage, "ready");
});

test("what was asked of a seat that is gone comes after what was in it", async (t) => {
  const self = page(t);
  self.work.openSample("cat");
  self.tell("open", "error", { error: "gone", kind: "session" });
  assert.deepEqual([self.named("begin"), self.named("complain").at(-1)], [[[]], [""]]);
  self.held = true;
  self.work.openAgain({ sample: "coffee" });
  self.tell("open", "ready", { epoch: 1, image: IMAGE, state: { ok: true, epoch: 1 } });
  await settle();
  assert.deepEqual(self.fired.map(([, { sample }]) => sample), ["cat", "coffee", "cat"]);
});

test("a file that was asked of a seat that is gone is to be asked for again", (t) => {
  const self = page(t);
  self.work.loadModel("m");
  self.tell("model", "error", { error: "gone", kind: "session" });
  assert.equal(self.named("begin").length, 1);
  assert.match(self.named("complain").at(-1)[0], /did not know this page any more/);
});

test("steps about an image before the one that is shown change nothing", (t) => {
  const self = page(t);
  self.work.openSample("cat");
  self.state.epoch = 4;
  self.tell("open", "image", { epoch: 3, image: IMAGE });
  assert.deepEqual(self.named("show"), []);
});

test("a step of an epoch that the page does not know has it ask for all there is", (t) => {
  const self = page(t);
  self.work.loadModel("m");
  self.tell("model", "ready", { epoch: 7 });
  assert.equal(self.named("begin").length, 1);
});

test("where the line of events is dead the page takes what the server has", async (t) => {
  const self = page(t);
  self.work.loadModel("m");
  self.moved = true;
  await pass(10000);
  assert.deepEqual([self.named("begin").length, self.state.loading], [1, false]);
});

test("a file that is on its way is not forgotten where the line of events is dead", async (t) => {
  const self = page(t);
  self.upload = () => new Promise(() => {});
  self.work.loadModel("m");
  self.work.openFile(FILE);
  self.moved = true;
  await pass(10000);
  assert.deepEqual([self.state.opening, self.state.loading], [true, false]);
});

test("what is called off ends with what the server had before", async (t) => {
  const self = page(t);
  self.work.openSample("cat");
  await self.work.abandon();
  assert.deepEqual([self.step, self.named("abandon").length], ["Cancelling.", 1]);
  self.tell("open", "cancelled", { epoch: 0 });
  assert.deepEqual([self.state.opening, self.step, self.named("begin").length], [false, "", 0]);
  self.work.openSample("cat");
  await self.work.abandon();
  self.tell("open", "cancelled", { epoch: 3 });
  assert.equal(self.named("begin").length, 1);
});

test("work that gets its turn after it was called off is called off again, and not shown", async (t) => {
  const self = page(t);
  self.work.openSample("cat");
  await self.work.abandon();
  self.tell("open", "image", { epoch: 1, image: IMAGE });
  await settle();
  assert.deepEqual([self.named("abandon").length, self.named("show")], [2, []]);
});

test("where the server cannot be reached nothing is called off, and the page says so and goes on waiting", async (t) => {
  const self = page(t);
  self.heard = false;
  self.work.openSample("cat");
  await self.work.abandon();
  assert.equal(self.step, "Opening the image.");
  assert.match(self.named("complain").at(-1)[0], /cannot be reached.*not cancelled/);
  self.tell("open", "image", { epoch: 1, image: IMAGE });
  assert.deepEqual(self.named("show"), [[IMAGE, 1]]);
});

test("a file that is being sent is let go without the server", async (t) => {
  const self = page(t);
  let arrive;
  self.upload = () => new Promise((resolve) => (arrive = resolve));
  const sent = self.work.openFile(FILE);
  await self.work.abandon();
  assert.deepEqual([self.state.opening, self.state.sending, self.step], [false, false, ""]);
  arrive({ path: "p" });
  await sent;
  assert.deepEqual([self.fired, self.named("abandon")], [[], []]);
});

test("of two files the newer one is opened", async (t) => {
  const self = page(t);
  const arrivals = [];
  self.upload = () => new Promise((resolve) => arrivals.push(resolve));
  const both = [self.work.openFile(FILE), self.work.openFile({ name: "b.png" })];
  arrivals[1]({ path: "second" });
  arrivals[0]({ path: "first" });
  await Promise.all(both);
  assert.deepEqual(self.fired.map(([, { file }]) => file.path), ["second"]);
});

test("a file that cannot be sent is told by its name", async (t) => {
  const self = page(t);
  self.upload = async () => { throw new Error("too large"); };
  await self.work.openFile(FILE);
  assert.deepEqual(self.named("complain").at(-1), ["a.png: could not be sent. too large"]);
  assert.deepEqual([self.state.opening, self.state.sending, self.step], [false, false, ""]);
});

test("saving waits until all is answered, and is of the image that it was asked for", async (t) => {
  const self = page(t);
  self.state.objects = [{}];
  let answered;
  self.settled = new Promise((resolve) => (answered = resolve));
  const saved = self.work.save({ format: "coco", object: null });
  self.work.save({ format: "png", object: null });
  await settle();
  assert.deepEqual([self.fired, self.state.saving], [[], true]);
  answered();
  await saved;
  assert.deepEqual(self.fired.map(([, { format, epoch }]) => [format, epoch]), [["coco", 0]]);
  self.state.saving = false;
  self.settled = Promise.resolve().then(() => (self.state.epoch = 9));
  await self.work.save({ format: "coco", object: null });
  assert.deepEqual([self.fired.length, self.state.saving], [1, false]);
});

test("steps of everything mode are for that alone, and its failure ends its run", (t) => {
  const self = page(t);
  self.state.found.running = true;
  self.tell("everything", "masks", { run: 1 });
  assert.equal(self.named("take").length, 1);
  self.tell("everything", "error", { error: "no", asked: undefined });
  assert.equal(self.state.found.running, false);
});
