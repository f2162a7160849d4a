// Who waits for long work asks after a silence, and gives up after a long one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createSilence } from "../../samui/canvas/net/silence.js";
import { pass, stopClock } from "./time.js";

function page(t) {
  stopClock(t);
  const log = [];
  const self = { waits: true, goes: false, log };
  const silence = createSilence({
    waits: () => self.waits,
    async ask() {
      log.push("ask");
      if (self.word) silence.heard();
      return self.goes;
    },
    catchUp: () => log.push("catch up"),
    giveUp: () => log.push("give up"),
  });
  return Object.assign(self, { silence });
}

test("the page asks every ten seconds, and gives up after three minutes", async (t) => {
  const { silence, log } = page(t);
  silence.begin();
  await pass(9000);
  assert.deepEqual(log, []);
  await pass(171000);
  assert.equal(log.filter((word) => word === "ask").length, 17);
  assert.deepEqual(log.slice(-1), ["give up"]);
  await pass(400000);
  assert.equal(log.length, 18);
});

test("each word begins the silence anew", async (t) => {
  const { silence, log } = page(t);
  silence.begin();
  for (let i = 0; i < 100; i++) {
    await pass(9000);
    silence.heard();
  }
  assert.deepEqual(log, []);
});

test("where the server has gone on without a word, the page catches up, once", async (t) => {
  const self = page(t);
  self.silence.begin();
  await pass(15000);
  self.goes = true;
  await pass(300000);
  assert.deepEqual(self.log, ["ask", "ask", "catch up"]);
});

test("an answer that a word has overtaken is none", async (t) => {
  const self = page(t);
  Object.assign(self, { goes: true, word: true });
  self.silence.begin();
  await pass(15000);
  assert.deepEqual(self.log, ["ask"]);
});

test("nothing is asked where nothing is waited for, or no more", async (t) => {
  const self = page(t);
  self.waits = false;
  self.silence.begin();
  self.silence.heard();
  await pass(400000);
  self.waits = true;
  self.silence.begin();
  self.silence.stop();
  await pass(400000);
  assert.deepEqual(self.log, []);
});
