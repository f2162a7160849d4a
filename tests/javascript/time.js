// A clock that tests turn: timers and performance.now() go together, and promises are settled on the way.

import { mock } from "node:test";

let now = 0;

/** Stop the clock for one test. */
export function stopClock(t) {
  now = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  t.after(() => mock.reset());
}

/** Let everything happen that waits for no clock. */
export async function settle() {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Turn the clock by so many ms. */
export async function pass(ms) {
  await settle();
  for (let left = ms; left > 0; ) {
    const step = Math.min(left, 500);
    now += step;
    left -= step;
    mock.timers.tick(step);
    await settle();
  }
}
