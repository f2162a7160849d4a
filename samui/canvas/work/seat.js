// The page's seat on the server: begins it, resumes it after a reload or a loss, and asks for its progress.

import { newId } from "../core/ids.js";
import { applyReply, takeSaved } from "../core/state.js";
import { durationText } from "../core/texts.js";
import { answer, waitAfter } from "../net/calls.js";
import { recall, recallSource, remember } from "../net/token.js";

/** @import { Begun, Refusal, Reply } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Requests } from "../net/requests.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */
/** @import { ImageOfPage } from "./image.js" */
/** @import { Back } from "./restore.js" */

/**
 * Promises of answers, or of nothing.
 * @typedef {{act(request: object): unknown, begin(request: object): unknown, workspace(request: object): unknown}} Server
 */
/** @typedef {ReturnType<typeof createSeat>} Seat */

const POLL = 2000; // ms between questions about an encoding that another page began

/**
 * @param {object} parts
 * @param {Server} parts.server
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Requests} parts.requests
 * @param {View} parts.view
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {ImageOfPage} parts.image
 * @param {Back} parts.restore
 * @param {(reply: Begun, former: string | null) => void} parts.begun  former: the image that was open before
 */
export function createSeat({ server, state, transport, requests, view, notices, refresh, image, restore, begun }) {
  let beginning = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let polling;

  /** @param {string | null} token */
  const ask = (token) => /** @type {typeof answer<Begun>} */ (answer)(() => server.begin({ token }));

  const facts = () => ({ token: state.token, epoch: state.epoch, rev: 0 });

  /**
   * @param {string} action
   * @returns {ReturnType<typeof answer<Reply>>}
   */
  const act = (action) => answer(() => server.act({ ...facts(), action }));

  /** Begin or resume; where the seat is a new one, what the page holds goes back into it. */
  async function begin() {
    if (beginning) return;
    beginning = true;
    const reply = await insist(() => ask(state.token || recall()));
    regain();
    const former = (state.image && state.image.home) || null;
    adopt(reply);
    if (!reply.resumed) state.found.running = false; // a run ends with its seat
    const goesBack = await restore.lost(reply);
    beginning = false;
    if (!goesBack) await takeWork(reply);
    begun(reply, former);
    if (goesBack) return;
    if (reply.stage === "encoding") polling = setTimeout(poll, POLL);
  }

  /**
   * The answer of a call that is made until it has one.
   * @template {Reply} T
   * @param {() => Promise<T | Refusal | null>} call
   * @param {(refusal: Refusal) => boolean} [ends]  whether a refusal is an answer; else it is told, and asked again
   * @returns {Promise<T>}
   */
  async function insist(call, ends = () => false) {
    for (let failures = 1; ; failures++) {
      const reply = await call();
      if (reply && (reply.ok || ends(reply))) return /** @type {T} */ (reply);
      const wait = waitAfter(failures);
      if (reply) notices.complain(reply.error);
      else lose(wait);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  /**
   * Keep the token of an answer; each replaces the previous one.
   * @param {Begun} reply
   */
  function adopt(reply) {
    state.token = reply.token;
    remember(reply.token);
    requests.rest();
    state.settings = { ...state.settings, ...reply.settings };
  }

  /**
   * Everything about the image and the work on it. While the page's own work is on its way back, that goes before.
   * @param {Begun} reply
   */
  async function takeWork(reply) {
    const { image: opened, epoch, stage } = reply;
    if (state.restoring && !opened) return restore.again();
    image.show(opened, epoch);
    if (!state.source) state.source = recallSource(opened);
    state.rev = 0;
    transport.raise(reply.rev);
    if (state.restoring && opened && stage !== "ready") return image.enter(stage);
    if (state.restoring && opened && (await restore.arrived({ image: opened, epoch }))) return;
    takeAll(reply);
    image.enter(stage);
    refresh.now();
  }

  /** @param {Reply} reply */
  function takeAll(reply) {
    transport.raise(reply.rev);
    applyReply(state, reply);
    state.safe = state.objects;
    view.paint("mask", "objects", "found", "prompt");
  }

  /** A page that gets no events about its encoding asks: it was reloaded, or lost the connection that brings them. */
  async function poll() {
    clearTimeout(polling);
    if (!image.encodes()) return;
    const reply = await ask(state.token);
    if (reply && reply.ok) {
      adopt(reply);
      if (reply.stage !== "encoding") return takeWork(reply);
    }
    polling = setTimeout(poll, POLL);
  }

  /** @param {number} wait  ms until the next attempt */
  function lose(wait) {
    state.offline = true;
    notices.complain(`The server cannot be reached. Your work stays on this page; next attempt in ${durationText(wait)}.`);
    refresh.soon();
  }

  function regain() {
    if (!state.offline) return;
    state.offline = false;
    notices.complain("");
    refresh.soon();
  }

  return {
    begin,
    poll,
    lose,
    regain,
    /** Whether there is no seat yet, or it is being resumed. */
    isBeginning: () => beginning || !state.token,
    /**
     * Have the server take back what the page holds; asked until there is an answer, or the seat has gone again.
     * @param {object} fields  of the action "put"
     * @returns {Promise<Reply | Refusal>}
     */
    put(fields) {
      const op = newId();
      return insist(
        () => answer(() => server.act({ ...facts(), seen: 0, action: "put", op, ...fields })),
        () => true,
      );
    },
    /** Ask the server to keep what it could not; whether it has. */
    async keepAgain() {
      const told = await act("state");
      if (!told || told.ok === false) return false;
      takeSaved(state, told);
      return !state.refusal;
    },
    /** @param {Begun} reply */
    takeWork,
    takeAll,
    /**
     * The whole state, as long work brings it.
     * @param {Reply} reply
     */
    takeState(reply) {
      if (reply.epoch === state.epoch) takeAll(reply);
    },
    /** Whether the server has left the page's epoch. */
    async hasMoved() {
      const told = await act("state");
      return told !== null && told.ok === false && ["epoch", "session"].includes(told.kind);
    },
    /** Tell the server to stop opening and loading; returns whether it has received that. */
    abandon: async () => (await act("abandon")) !== null,
  };
}
