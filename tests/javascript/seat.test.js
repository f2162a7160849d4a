// The page's seat: begun until there is one, resumed, and what the page holds before what the server has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createSeat } from "../../samui/canvas/work/seat.js";
import { recorder, stateWithImage } from "./page.js";
import { pass, settle, stopClock } from "./time.js";

const IMAGE = { url: "image/2", name: "b.png", width: 10, height: 8, content: "d" };

function page(t) {
  stopClock(t);
  globalThis.sessionStorage = { getItem: () => null, setItem() {}, removeItem() {} };
  t.after(() => delete globalThis.sessionStorage);
  const log = [];
  const state = stateWithImage();
  const self = { log, state, begun: [], acted: [], lost: false, held: false };
  const seat = createSeat({
    state,
    server: {
      begin: async (request) => (log.push(["begin", request]), self.begun.shift()),
      act: async (request) => (log.push(["act", request]), self.acted.shift()),
    },
    transport: recorder(log),
    requests: recorder(log),
    view: recorder(log),
    notices: recorder(log),
    refresh: recorder(log),
    image: recorder(log, { show: (image, epoch) => Object.assign(state, { image, epoch }) }),
    restore: recorder(log, { lost: async () => self.lost, arrived: async () => self.held }),
    begun: () => log.push(["begun"]),
  });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return Object.assign(self, { seat, named });
}

const told = (fields) => ({ ok: true, token: "n", epoch: 3, rev: 0, image: IMAGE, stage: "ready", settings: {}, ...fields });

test("a seat that is resumed is taken as the server has it", async (t) => {
  const self = page(t);
  self.begun = [told({ resumed: true })];
  await self.seat.begin();
  assert.deepEqual([self.state.token, self.state.image, self.state.epoch], ["n", IMAGE, 3]);
  assert.deepEqual([self.named("enter"), self.named("begun").length], [[["ready"]], 1]);
});

test("a new seat is told what the page holds, and what the server has is nothing to it", async (t) => {
  const self = page(t);
  self.lost = true;
  const before = self.state.image;
  self.begun = [told({ resumed: false, image: null, stage: "empty" })];
  await self.seat.begin();
  assert.deepEqual([self.state.image, self.named("lost").length, self.named("show"), self.named("enter")], [before, 1, [], []]);
});

test("a seat is asked for until there is one, and nobody asks twice at once", async (t) => {
  const self = page(t);
  self.begun = [undefined, { ok: false, kind: "full", error: "at most 2 people" }, told({ resumed: true })];
  const begins = [self.seat.begin(), self.seat.begin()];
  await settle();
  assert.deepEqual([self.seat.isBeginning(), self.state.offline], [true, true]);
  assert.match(self.named("complain").at(-1)[0], /cannot be reached\. Your work stays on this page/);
  await pass(500);
  assert.deepEqual(self.named("complain").at(-1), ["at most 2 people"]);
  await pass(1000);
  await Promise.all(begins);
  assert.deepEqual([self.named("begin").length, self.seat.isBeginning(), self.state.offline], [3, false, false]);
});

test("what goes back goes before what a resumed seat has", async (t) => {
  const self = page(t);
  Object.assign(self, { held: true }).state.restoring = true;
  self.begun = [told({ resumed: true })];
  await self.seat.begin();
  assert.deepEqual([self.named("arrived").length, self.named("paint")], [1, []]);
  self.begun = [told({ resumed: true, stage: "encoding" })];
  await self.seat.begin();
  assert.deepEqual([self.named("arrived").length, self.named("enter")], [1, [["encoding"]]]);
  self.begun = [told({ resumed: true, image: null, stage: "empty" })];
  await self.seat.begin();
  assert.equal(self.named("again").length, 1);
});

test("putting back is asked until there is an answer, whatever it is", async (t) => {
  const self = page(t);
  const refusal = { ok: false, kind: "request", error: "no" };
  self.acted = [undefined, refusal];
  const answer = self.seat.put({ objects: [] });
  await pass(500);
  assert.equal(await answer, refusal);
  const [[first], [second]] = self.named("act");
  assert.deepEqual([first.action, first.rev, first.seen, first.objects], ["put", 0, 0, []]);
  assert.match(first.op, /^[0-9a-f]{32}$/);
  assert.equal(first.op, second.op);
});

test("the server is asked to keep what it could not", async (t) => {
  const self = page(t);
  self.state.refusal = "full";
  self.acted = [undefined, { ok: false, kind: "session" }, { ok: true, saved: false, why: "still full" }, { ok: true }];
  assert.deepEqual([await self.seat.keepAgain(), self.state.refusal], [false, "full"]);
  assert.deepEqual([await self.seat.keepAgain(), self.state.refusal], [false, "full"]);
  assert.deepEqual([await self.seat.keepAgain(), self.state.refusal], [false, "still full"]);
  assert.deepEqual([await self.seat.keepAgain(), self.state.refusal], [true, ""]);
});
