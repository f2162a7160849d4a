// Loads the page anew where Gradio has given up: once an event of its queue was broken off, it starts no other one until
// then. It would do that by itself, and what was not answered yet would be lost; here all is taken along.

import { rememberHeld } from "../net/token.js";

/** @import { Notices } from "../show/notices.js" */
/** @import { Keeping } from "./keeping.js" */
/** @import { Restore } from "./restore.js" */
/** @import { Safety } from "./saved.js" */

const ASKED = /\/app_id\/?$/; // what Gradio asks for from then on; samui answers that there is none
const TOO_MUCH = "The page must be loaded anew to open images and to save files, but this browser has no room for what is " +
  "not saved. Correct nothing more, and load it anew once it says that all is saved.";

/**
 * @param {object} parts
 * @param {Notices} parts.notices
 * @param {Pick<Restore, "taken">} parts.restore
 * @param {Pick<Keeping, "keepImage">} parts.keeping
 * @param {Pick<Safety, "leave">} parts.saved
 * @param {() => boolean} parts.finds  whether a run of everything mode is on: it would end with the page that watches it
 * @param {() => void} parts.load  loads the page anew
 */
export function createReload({ notices, restore, keeping, saved, finds, load }) {
  let going = false;
  let wanted = false;

  /** Gradio has given up, and the server is there. */
  async function reload() {
    if (going || finds()) return;
    going = true;
    wanted = false;
    await keeping.keepImage();
    const taken = restore.taken();
    if (taken && !rememberHeld(taken)) {
      going = false;
      notices.complain(TOO_MUCH);
      return;
    }
    saved.leave();
    load();
  }

  /** @param {PerformanceResourceTiming} entry */
  function isAnswered({ name, responseStatus, responseEnd }) {
    return ASKED.test(name) && (responseStatus === undefined ? responseEnd > 0 : responseStatus > 0);
  }

  return {
    /**
     * Look at requests that have ended.
     * @param {PerformanceEntry[]} entries
     */
    async look(entries) {
      wanted ||= entries.some((entry) => isAnswered(/** @type {PerformanceResourceTiming} */ (entry)));
      await this.update();
    },
    async update() {
      if (wanted) await reload();
    },
  };
}
