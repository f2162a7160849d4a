// The word at the end of the status line, why something is not saved, and who is asked on leaving.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createSaved } from "../../samui/canvas/work/saved.js";
import { recorder, stateWithImage } from "./page.js";
import { pass, settle, stopClock } from "./time.js";

function page(t) {
  stopClock(t);
  globalThis.window = new EventTarget();
  t.after(() => delete globalThis.window);
  const log = [];
  const state = Object.assign(stateWithImage(), { objects: [{ id: 1 }], settings: { keeps: true } });
  const self = { state, log, unanswered: [], waits: "", applies: false, done: true, failure: "", keeps: [] };
  const saved = createSaved({
    state,
    transport: { unanswered: () => self.unanswered },
    seat: recorder(log, {
      keepAgain: async () => {
        const kept = self.keeps.shift() ?? false;
        if (kept) state.refusal = "";
        return kept;
      },
    }),
    keeping: { applies: () => self.applies, isDone: () => self.done, failure: () => self.failure },
    restore: { waitsFor: () => self.waits },
    notices: recorder(log),
    refresh: { soon: () => saved.update() },
  });
  self.leaving = () => {
    const event = Object.defineProperty(new Event("beforeunload", { cancelable: true }), "returnValue", { writable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  return Object.assign(self, { saved, named });
}

test("nothing is said of an image without objects, and nobody is asked", (t) => {
  const { state, saved, leaving } = page(t);
  state.objects = [];
  assert.deepEqual([saved.told().kind, leaving()], ["none", false]);
});

test("what is kept is saved, and whoever leaves is not asked", (t) => {
  const self = page(t);
  assert.deepEqual([self.saved.told(), self.leaving()], [{ kind: "saved", text: "Saved", why: "" }, false]);
  self.applies = true;
  assert.equal(self.saved.told().text, "Saved in this browser");
});

test("an accept without an answer is being saved, and late after a while; a click alone is nothing to save", async (t) => {
  const self = page(t);
  self.unanswered = [{ edit: () => {} }];
  assert.equal(self.saved.told().kind, "saved");
  self.unanswered = [{ action: "accept" }];
  self.saved.update();
  assert.deepEqual([self.saved.told().kind, self.leaving()], ["saving", true]);
  await pass(2499);
  assert.equal(self.saved.told().kind, "saving");
  await pass(1);
  assert.deepEqual([self.saved.told().kind, self.saved.told().why], ["unsaved", "the server has not answered yet"]);
  self.unanswered = [];
  self.saved.update();
  assert.deepEqual([self.saved.told().kind, self.leaving()], ["saved", false]);
});

test("a server that cannot be reached is told at once where something waits for it", (t) => {
  const self = page(t);
  self.state.offline = true;
  assert.equal(self.saved.told().kind, "saved");
  self.unanswered = [{ action: "relabel" }];
  assert.deepEqual([self.saved.told().why, self.leaving()], ["the server cannot be reached", true]);
});

test("what a server cannot keep is told with its reason, asked for again and again, and taken back when it is kept", async (t) => {
  const self = page(t);
  self.state.refusal = "the disk is full";
  self.keeps = [false, false, true];
  self.saved.update();
  assert.deepEqual([self.saved.told().why, self.leaving()], ["the disk is full", true]);
  assert.match(self.named("complain")[0][0], /^Not saved yet: the disk is full\. It is tried again by itself/);
  await pass(500);
  assert.equal(self.named("keepAgain").length, 1);
  await pass(1000);
  assert.equal(self.named("keepAgain").length, 2);
  await pass(2000);
  await settle();
  assert.deepEqual([self.named("keepAgain").length, self.saved.told().kind], [3, "saved"]);
  assert.deepEqual(self.named("complain").at(-1), [""]);
  await pass(10000);
  assert.equal(self.named("keepAgain").length, 3);
});

test("a browser that keeps nothing is told once", (t) => {
  const self = page(t);
  Object.assign(self, { applies: true, done: false });
  assert.equal(self.saved.told().kind, "saving");
  self.failure = "blocked";
  self.saved.update();
  self.saved.update();
  assert.deepEqual([self.named("advise").length, self.saved.told().why, self.leaving()], [1, "blocked", true]);
});

test("work that is on its way back is not saved", (t) => {
  const self = page(t);
  self.waits = "a.png";
  assert.deepEqual([self.saved.told().kind, self.leaving()], ["unsaved", true]);
  assert.match(self.saved.told().why, /objects of a\.png wait/);
  Object.assign(self, { waits: "" }).state.restoring = true;
  assert.deepEqual([self.saved.told().kind, self.leaving()], ["unsaved", true]);
});
