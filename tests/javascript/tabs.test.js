// Whether another tab has the same image open: both are told at once, and the browser's locks know who is there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createTabs } from "../../samui/canvas/work/tabs.js";
import { recorder, stateWithImage } from "./page.js";
import { settle } from "./time.js";

/** Locks and channels that the tabs of one browser share. */
function browser() {
  const held = new Map(); // name -> promise of its end
  const channels = [];
  const locks = {
    async request(name, { ifAvailable, signal }, hold) {
      while (held.has(name)) {
        if (ifAvailable) return hold(null);
        await held.get(name);
        if (signal && signal.aborted) throw new Error("aborted");
      }
      const over = Promise.resolve(hold({ name })).then(() => held.delete(name));
      held.set(name, over);
      return over;
    },
    query: async () => ({ held: [...held.keys()].map((name) => ({ name })) }),
  };
  class Channel {
    constructor() {
      channels.push(this);
    }

    postMessage(data) {
      for (const other of channels) if (other !== this) other.onmessage({ data });
    }
  }
  return { locks, Channel };
}

function tab(shared, content = "c") {
  const log = [];
  const state = stateWithImage();
  state.image.content = content;
  const tabs = createTabs(state, recorder(log), shared);
  tabs.update();
  return { state, tabs, hints: () => log.length };
}

test("a second tab of an image is told at once, and so is the first; others are not", async () => {
  const shared = browser();
  const [first, apart] = [tab(shared), tab(shared, "other")];
  await settle();
  assert.equal(first.hints(), 0);
  const second = tab(shared);
  await settle();
  assert.deepEqual([first.hints(), second.hints(), apart.hints()], [1, 1, 0]);
  assert.deepEqual([await first.tabs.isElsewhere("other"), await first.tabs.isElsewhere("none")], [true, false]);
});

test("a tab that opens another image is in nobody's way, and the one that waited is there instead", async () => {
  const shared = browser();
  const [first, second] = [tab(shared), tab(shared)];
  await settle();
  first.state.image = { ...first.state.image, content: "next" };
  first.tabs.update();
  await settle();
  const third = tab(shared);
  await settle();
  assert.deepEqual([first.hints(), second.hints(), third.hints()], [1, 2, 1]);
  assert.equal(await first.tabs.isElsewhere("c"), true);
});

test("a browser without locks and channels tells nobody, and works", async () => {
  const { tabs, hints } = tab({});
  assert.deepEqual([hints(), await tabs.isElsewhere("c")], [0, false]);
});
