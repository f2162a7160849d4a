// Whether another tab of this browser has the same image open: the browser's locks tell at once.

/** @import { State } from "../core/state.js" */
/** @import { Notices } from "../show/notices.js" */

const BOTH = "This image is open in another tab as well. Whatever both change is kept; what both change at once is told.";

/** @typedef {ReturnType<typeof createTabs>} Tabs */

/**
 * @param {State} state
 * @param {Notices} notices
 * @param {{locks?: LockManager, Channel?: typeof BroadcastChannel}} browser  either may be missing
 */
export function createTabs(state, notices, { locks, Channel }) {
  let content = ""; // of the image whose lock is held or waited for
  let leave = () => {};
  const channel = Channel && new Channel("samui");
  if (channel) {
    channel.onmessage = ({ data }) => {
      if (content && data === content) notices.advise(BOTH);
    };
  }

  /** @param {string} name */
  function take(name) {
    if (!locks) return;
    const over = new Promise((resolve) => (leave = () => resolve(null)));
    const hold = (/** @type {Lock | null} */ lock) => {
      if (lock) return over;
      notices.advise(BOTH);
      if (channel) channel.postMessage(name);
      // Once the other tab has gone this one is the one that a third is told of.
      const ended = new AbortController();
      over.then(() => ended.abort());
      locks.request(lockOf(name), { signal: ended.signal }, () => over).catch(() => {});
    };
    locks.request(lockOf(name), { ifAvailable: true }, hold).catch(() => {});
  }

  return {
    update() {
      const now = state.image ? state.image.content : "";
      if (now === content) return;
      leave();
      leave = () => {};
      content = now;
      if (now) take(now);
    },
    /**
     * Whether another tab has an image open.
     * @param {string} name  content of the image
     */
    async isElsewhere(name) {
      if (!locks || name === content) return false;
      const { held = [] } = await locks.query();
      return held.some((lock) => lock.name === lockOf(name));
    },
  };
}

/** @param {string} content */
function lockOf(content) {
  return `samui image ${content}`;
}
