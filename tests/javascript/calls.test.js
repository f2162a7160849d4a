// Calls that fail: asked again, refused, or of a server that was killed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answer } from "../../samui/canvas/net/calls.js";
import { OK, POINT, page } from "./line.js";
import { pass, settle, stopClock } from "./time.js";

const FAILURES = [
  ["resolves to nothing, as Gradio has it", () => Promise.resolve(undefined)],
  ["rejects", () => Promise.reject(new Error("offline"))],
  ["throws at once", () => { throw new Error("no way"); }],
  ["brings what is no envelope", () => Promise.resolve({ detail: "Not found" })],
];
for (const [how, fail] of FAILURES) {
  test(`an unreachable server is told, and asked again and again until it answers: a call ${how}`, async (t) => {
    const self = page(t);
    self.respond = fail;
    self.transport.push({ edit: POINT });
    await settle();
    assert.deepEqual(self.told, [["offline", 500]]);
    await pass(30000);
    const waits = self.told.map(([, wait]) => wait);
    assert.deepEqual(waits.slice(0, 6), [500, 1000, 2000, 4000, 4000, 4000]);
    assert.equal(self.transport.busy(), true);
    self.respond = async () => OK;
    await pass(8000);
    assert.deepEqual(self.names().slice(-2), ["online", "reply"]);
    const prompts = self.calls.filter(({ request }) => request.action === "prompt");
    assert.equal(new Set(prompts.map(({ request }) => request.rev)).size, 1); // applied once, however often it came
    assert.equal(self.transport.busy(), false);
  });

  test(`a call that never succeeds while others do is refused, with what builds on it: it ${how}`, async (t) => {
    const self = page(t);
    self.respond = async (request) => (request.action === "prompt" ? fail() : OK);
    self.transport.push({ edit: POINT });
    self.transport.push({ action: "undo" });
    await pass(5000);
    assert.deepEqual(self.names(), ["online", "refuse"]);
    const [, refusal, sent, left] = self.told[1];
    assert.deepEqual([refusal.kind, left], ["call", 1]);
    assert.match(refusal.error, /does not take this step/);
    assert.equal(sent.request.action, "prompt");
    assert.equal(self.actions().filter((action) => action === "prompt").length, 2);
    assert.equal(self.transport.busy(), false);
  });
}

test("a server that was killed in the middle of a call, twice, has not refused it", async (t) => {
  const self = page(t);
  self.respond = async ({ action }) => (action === "state" ? { ok: false, kind: "session", error: "gone" } : undefined);
  self.transport.push({ action: "accept" });
  for (self.ready of [false, true, false]) {
    self.transport.next();
    await pass(5000);
  }
  assert.deepEqual([...new Set(self.told.map(([, told]) => told && told.kind))], [undefined, "session"]);
  assert.deepEqual(self.transport.unanswered().map(({ action }) => action), ["accept"]);
});

test("a call that fails once while the server is there goes again", async (t) => {
  const self = page(t);
  let failures = 1;
  self.respond = async (request) => (request.action === "prompt" && failures-- > 0 ? undefined : OK);
  self.transport.push({ edit: POINT });
  await pass(600);
  assert.deepEqual(self.names(), ["online", "reply"]);
});

test("a call that takes longer than the page waits is not taken for refused", async (t) => {
  const self = page(t);
  self.respond = (request) => (request.action === "prompt" ? new Promise(() => {}) : Promise.resolve(OK));
  self.transport.push({ edit: POINT });
  await pass(400000);
  assert.equal(self.names().includes("refuse"), false);
  assert.equal(self.actions().filter((action) => action === "prompt").length, 7); // 60 s each, and the waits between
});

test("what is forgotten while the server cannot be reached is not asked again", async (t) => {
  const self = page(t);
  self.respond = async () => undefined;
  self.transport.push({ edit: POINT });
  await settle();
  self.transport.forget();
  const before = self.calls.length;
  await pass(20000);
  assert.equal(self.calls.length, before);
});

test("an answer that comes too late is none", async (t) => {
  stopClock(t);
  const told = answer(() => new Promise(() => {}), 1000);
  await pass(1000);
  assert.equal(await told, null);
});
