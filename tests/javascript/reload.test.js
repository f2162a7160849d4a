// The page is loaded anew where Gradio starts no event any more, and takes along what is not saved.

import assert from "node:assert/strict";
import { test } from "node:test";

import { packed, unpacked } from "../../samui/canvas/core/held.js";
import { edits, foldPrompt } from "../../samui/canvas/core/prompt.js";
import { createReload } from "../../samui/canvas/work/reload.js";
import { recorder } from "./page.js";

const ASKED = "http://host/gradio_api/app_id";

function page(t, { full = false, taken = { content: "c" } } = {}) {
  const log = [];
  const stored = {};
  globalThis.sessionStorage = {
    setItem(name, value) {
      if (full) throw new Error("QuotaExceededError");
      stored[name] = value;
    },
  };
  t.after(() => delete globalThis.sessionStorage);
  const part = recorder(log, { taken: () => taken });
  const run = { on: false };
  const reload = createReload({
    notices: part, restore: part, keeping: part, saved: part, finds: () => run.on, load: () => log.push(["load"]),
  });
  return { stored, run, reload, look: (...entries) => reload.look(entries), names: () => log.map(([name]) => name) };
}

test("once Gradio asks and is answered, the page keeps all it holds, and is loaded anew without a question, once", async (t) => {
  const { stored, look, names } = page(t);
  await look({ name: "http://host/gradio_api/queue/join", responseStatus: 200 });
  await look({ name: ASKED, responseStatus: 0 }); // nobody is there yet
  assert.deepEqual(names(), []);
  await look({ name: ASKED, responseStatus: 404 });
  await look({ name: ASKED, responseStatus: 404 });
  assert.deepEqual(names(), ["keepImage", "taken", "leave", "load"]);
  assert.deepEqual(JSON.parse(stored["samui.held"]), { content: "c" });
});

test("a page that finds masks is loaded anew once it has them all", async (t) => {
  const { run, reload, look, names } = page(t);
  run.on = true;
  await look({ name: ASKED, responseStatus: 404 });
  await reload.update();
  assert.deepEqual(names(), []);
  run.on = false;
  await reload.update();
  await reload.update();
  assert.deepEqual(names().filter((name) => name === "load"), ["load"]);
});

test("a page without anything is loaded anew all the same, also where a browser tells no status", async (t) => {
  const { stored, look, names } = page(t, { taken: null });
  await look({ name: `${ASKED}/`, responseEnd: 12 });
  assert.deepEqual([names().at(-1), stored], ["load", {}]);
});

test("a page that cannot take its work along stays", async (t) => {
  const { look, names } = page(t, { full: true });
  await look({ name: ASKED, responseStatus: 404 });
  assert.deepEqual(names(), ["keepImage", "taken", "complain"]);
});

test("what is taken along is what comes back, edits of the prompt too", () => {
  const held = {
    content: "c", name: "a.png", source: { file: new Blob(["x"]), image: "library:1" }, newer: ["u2"], gone: ["u3"],
    objects: [{ uid: "u1" }, { uid: "u2" }], before: [{ id: 1, uid: "u1", mask: "large" }],
    work: { prompt: { points: [[1, 1, 1]], box: null }, candidate: null, active: null, snap: false },
    operations: [
      { edit: edits.addPoint(2, 2, 1), began: 5 }, { action: "accept", op: "a", label: "cup" }, { edit: edits.addPoint(3, 3, 0) },
    ],
  };
  const back = unpacked(JSON.parse(JSON.stringify(packed(held, true))));
  assert.deepEqual([back.objects, back.newer, back.gone, back.before], [[{ uid: "u2" }], ["u2"], ["u3"], [{ id: 1, uid: "u1" }]]);
  assert.deepEqual([back.source, back.work], [{ image: "library:1", name: "a.png" }, held.work]);
  assert.deepEqual(back.operations[1], { action: "accept", op: "a", label: "cup" });
  for (const end of [1, 2, 3]) {
    const [now, before] = [back, held].map(({ work, operations }) => foldPrompt(work.prompt, operations.slice(0, end)));
    assert.deepEqual(now, before);
  }
  assert.deepEqual(packed(held, false).objects.length, 2);
});
