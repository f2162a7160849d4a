// The way from one image of a folder to the next: nothing that was done is left behind, and no step is lost.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { createFolderWork } from "../../samui/canvas/work/folder.js";
import { recorder, stateWithImage } from "./page.js";

const row = (image, fields) => ({ image, path: `${image}.png`, state: "todo", objects: 0, note: "", ...fields });

/** The work on a folder of the images a, b, c, of which a is open. */
function folder(t, { answers = {}, settled = Promise.resolve() } = {}) {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const log = [];
  const state = stateWithImage();
  state.image.home = "a";
  Object.assign(state.workspace, { kind: "folder", row: row("a"), at: 0 });
  const asked = [];
  const answer = async (name, fields) => {
    asked.push([name, fields]);
    const told = answers[name];
    return typeof told === "function" ? told(fields) : told || null;
  };
  const work = createFolderWork({
    state,
    transport: { settled: () => settled },
    asks: { ask: answer, change: answer, busy: () => false },
    notices: recorder(log),
    refresh: recorder([]),
    prompting: recorder(log, { isPrompting: () => false }),
    list: () => recorder([]),
    open: (image) => log.push(["open", image]),
    changed: () => {},
  });
  const named = (name) => log.filter(([call]) => call === name).map(([, ...given]) => given);
  const of = (name) => asked.filter(([ask]) => ask === name).map(([, fields]) => fields);
  return { state, work, named, of };
}

const NEXT = { next: ({ image, by }) => ({ row: { a: { 1: row("b") }, b: { 1: row("c"), "-1": row("a") } }[image]?.[by] || null }) };

test("another image is opened once all that was done on this one is answered", async (t) => {
  let settle;
  const settled = new Promise((resolve) => (settle = resolve));
  const { work, named } = folder(t, { answers: NEXT, settled });
  const gone = work.commands["next-image"]();
  await new Promise(setImmediate);
  assert.deepEqual(named("open"), []);
  settle();
  await gone;
  assert.deepEqual(named("open"), [["b"]]);
});

test("a step counts from the image that is on its way", async (t) => {
  const { work, named } = folder(t, { answers: NEXT });
  await work.commands["next-image"]();
  await work.commands["next-image"]();
  assert.deepEqual(named("open"), [["b"], ["c"]]);
  work.stayed(); // opening has failed: from the image that is shown
  await work.commands["next-image"]();
  assert.deepEqual(named("open").at(-1), ["b"]);
});

test("the end is told, and nothing is opened", async (t) => {
  const { work, named } = folder(t, { answers: NEXT });
  await work.commands["previous-image"]();
  assert.deepEqual(named("open"), []);
  assert.deepEqual(named("advise"), [["This is the first image."]]);
});

test("a mask at work is told of once, then left", async (t) => {
  const { work, state, named } = folder(t, { answers: NEXT });
  state.mask = {};
  await work.commands["next-image"]();
  assert.deepEqual([named("open").length, named("advise").length], [0, 1]);
  await work.commands["next-image"]();
  assert.deepEqual(named("open"), [["b"]]);
});

test("the same button takes a state back: to do, or in progress with objects", async (t) => {
  const { work, state, of } = folder(t, { answers: { state: () => null } });
  for (const [now, objects] of [["todo", 0], ["done", 0], ["done", 2], ["skipped", 0]]) {
    state.workspace.row = row("a", { state: now, objects });
    await work.commands.done();
  }
  assert.deepEqual(of("state").map((fields) => fields.state), ["done", "todo", "progress", "done"]);
});

test("done by its key stays done, and goes on to the next to do", async (t) => {
  const counts = { images: 3, todo: 1, progress: 0, done: 2, skipped: 0, objects: 0 };
  const { work, state, of } = folder(t, { answers: { state: ({ state: given }) => ({ row: row("a", { state: given }), counts }) } });
  state.workspace.row = row("a", { state: "done" });
  await work.commands["done-and-on"]();
  assert.deepEqual(of("state").map((fields) => fields.state), ["done"]);
  assert.deepEqual(of("next").map(({ by, todo }) => [by, todo]), [[1, true]]);
  assert.equal(state.workspace.counts, counts);
});

test("where a change of the state is refused, the page stays", async (t) => {
  const { work, of } = folder(t, { answers: { state: () => null } });
  await work.commands["done-and-on"]();
  assert.deepEqual(of("next"), []);
});

test("the image that is made ready is the one that comes next the way that was gone last", async (t) => {
  const { work, of } = folder(t, { answers: NEXT });
  work.ready();
  await work.commands["previous-todo"]();
  work.ready();
  assert.deepEqual(of("ahead").map(({ image, by, todo }) => [image, by, todo]), [["a", 1, false], ["a", -1, true]]);
});

for (const [name, given, former, expected] of [
  ["the last place of a folder is opened", { image: null }, null, [["last"]]],
  ["after a restart it is the image that this page had", { image: null }, "mine", [["mine"]]],
  ["what is open already stays", {}, null, []],
  ["what is on its way back stays", { image: null, restoring: true }, "mine", []],
]) {
  test(`beginning: ${name}`, async (t) => {
    const { work, state, named } = folder(t);
    Object.assign(state, given);
    work.begin({ kind: "folder", name: "photos", counts: state.workspace.counts, last: "last", notes: [] }, former);
    await new Promise(setImmediate);
    assert.deepEqual(named("open"), expected);
  });
}
