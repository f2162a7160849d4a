// Changes of the workspace: in their order, each until it is answered, and told why one was refused.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { createAsks } from "../../samui/canvas/net/asks.js";

function begin(answers) {
  const calls = [];
  const refused = [];
  let lost = 0;
  const call = async (request) => {
    calls.push(request);
    return answers.shift();
  };
  const asks = createAsks(call, () => "t", (told) => refused.push(told.error), () => (lost += 1));
  return { asks, calls, refused, lost: () => lost };
}

test("a question is asked once; nothing, and a refusal, come as null", async () => {
  const { asks, calls, refused } = begin([{ ok: true, rows: [1] }, undefined, { ok: false, error: "no", kind: "error" }]);
  assert.deepEqual((await asks.ask("list", { offset: 3 })).rows, [1]);
  assert.deepEqual(calls[0], { token: "t", ask: "list", offset: 3 });
  assert.equal(await asks.ask("list"), null);
  assert.equal(await asks.ask("list"), null);
  assert.deepEqual([calls.length, refused], [3, []]);
});

test("changes go out one after the other, each until it is answered and always by its own id", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { asks, calls } = begin([undefined, { ok: true, n: 1 }, { ok: true, n: 2 }]);
  const both = Promise.all([asks.change("state", { state: "done" }), asks.change("note", { note: "x" })]);
  assert.ok(asks.busy());
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
    mock.timers.tick(500);
    await new Promise(setImmediate);
  }
  assert.deepEqual((await both).map(({ n }) => n), [1, 2]);
  assert.deepEqual(calls.map(({ ask }) => ask), ["state", "state", "note"]);
  assert.equal(calls[0].id, calls[1].id);
  assert.match(calls[0].id, /^[0-9a-f]{32}$/);
  assert.notEqual(calls[0].id, calls[2].id);
  assert.equal(asks.busy(), false);
  mock.timers.reset();
});

test("a refusal ends a change and is told; the next one goes on", async () => {
  const { asks, calls, refused } = begin([{ ok: false, error: "no such label", kind: "error" }, { ok: true }]);
  assert.equal(await asks.change("label"), null);
  assert.ok(await asks.change("label"));
  assert.deepEqual([calls.length, refused], [2, ["no such label"]]);
});

test("a seat that the server does not know is told of", async () => {
  const { asks, lost } = begin([{ ok: false, error: "no seat", kind: "session" }]);
  assert.equal(await asks.ask("look"), null);
  assert.equal(lost(), 1);
});
