// Whether all that was accepted is kept, and what the page does where it is not: it says so and why, asks the server
// again, and asks whoever leaves.

import { changesObjects } from "../core/prompt.js";

/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { Keeping } from "./keeping.js" */
/** @import { Restore } from "./restore.js" */
/** @import { Seat } from "./seat.js" */

/**
 * kind: "none" where there is nothing to keep. why: of what is not saved.
 * @typedef {{kind: "none" | "saved" | "saving" | "unsaved", text: string, why: string}} Saved
 */
/** @typedef {ReturnType<typeof createSaved>} Safety */

export const LATE = 2500; // ms without an answer after which saving is told to be late
const FIRST = 500; // ms until the server is asked again to keep what it could not
const LONGEST = 4000;

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Seat} parts.seat
 * @param {Keeping} parts.keeping
 * @param {Pick<Restore, "waitsFor">} parts.restore
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 */
export function createSaved({ state, transport, seat, keeping, restore, notices, refresh }) {
  /** @type {number | null} */
  let since = null; // when saving began, ms of performance.now()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let late;
  let asking = false;
  let wait = FIRST;
  let toldRefusal = "";
  let toldFailure = "";
  let leaves = false;

  /** Why something is not kept although time has passed, "" for no reason. */
  function why() {
    const behind = transport.unanswered().some(changesObjects);
    if (state.restoring) return "it is on its way back to the server";
    if (restore.waitsFor()) return `the objects of ${restore.waitsFor()} wait until that image is open again`;
    if (behind && state.offline) return "the server cannot be reached";
    if (state.refusal) return state.refusal;
    if (behind && isLate()) return "the server has not answered yet";
    return keeping.applies() && !keeping.isDone() ? keeping.failure() : "";
  }

  const isLate = () => since !== null && performance.now() - since >= LATE;
  const isBehind = () => transport.unanswered().some(changesObjects) || (keeping.applies() && !keeping.isDone());

  /** @returns {Saved} */
  function told() {
    const reason = why();
    if (reason) return { kind: "unsaved", text: "Not saved", why: reason };
    if (isBehind()) return { kind: "saving", text: "Saving", why: "" };
    if (!state.image || state.objects.length === 0) return { kind: "none", text: "", why: "" };
    return { kind: "saved", text: keeping.applies() ? "Saved in this browser" : "Saved", why: "" };
  }

  function watch() {
    if (!isBehind()) {
      clearTimeout(late);
      since = null;
    } else if (since === null) {
      since = performance.now();
      late = setTimeout(refresh.soon, LATE);
    }
  }

  async function askAgain() {
    if (asking || !state.refusal) return;
    asking = true;
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = (await seat.keepAgain()) ? FIRST : Math.min(2 * wait, LONGEST);
    asking = false;
    refresh.soon();
    askAgain();
  }

  function complain() {
    if (state.refusal !== toldRefusal) {
      notices.complain(state.refusal && `Not saved yet: ${state.refusal}. It is tried again by itself; nothing is lost.`);
      toldRefusal = state.refusal;
    }
    const failure = keeping.applies() ? keeping.failure() : "";
    if (failure && !toldFailure) {
      notices.advise(`This browser keeps nothing of your work (${failure}). Save it as a file before you leave.`);
    }
    toldFailure = failure || toldFailure;
  }

  window.addEventListener("beforeunload", (event) => {
    if (leaves || ["saved", "none"].includes(told().kind)) return;
    event.preventDefault();
    event.returnValue = true; // what older browsers look at
  });

  return {
    told,
    /** The page takes along what is not saved: nobody need be asked. */
    leave() {
      leaves = true;
    },
    update() {
      watch();
      complain();
      askAgain();
    },
  };
}
