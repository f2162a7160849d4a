// The page's seat on the server: begun, resumed after a reload or a loss, and asked how far it is.

import { applyReply } from "../core/state.js";
import { durationText } from "../core/texts.js";
import { answer, waitAfter } from "../net/calls.js";
import { recall, remember } from "../net/token.js";

/** @import { Begun, Reply } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Requests } from "../net/requests.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */
/** @import { ImageOfPage } from "./image.js" */

/**
 * Promises of answers, or of nothing.
 * @typedef {{act(request: object): unknown, begin(request: object): unknown, workspace(request: object): unknown}} Server
 */
/** @typedef {ReturnType<typeof createSeat>} Seat */

const POLL = 2000; // ms between questions about an encoding that another page began
const ENDED = "The earlier session has ended; open the image again.";

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
 * @param {(reply: Begun, former: string | null) => void} parts.begun  former: the image that was open before
 */
export function createSeat({ server, state, transport, requests, view, notices, refresh, image, begun }) {
  let beginning = false;
  let failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let polling;

  /** @param {string | null} token */
  const ask = (token) => /** @type {typeof answer<Begun>} */ (answer)(() => server.begin({ token }));

  /**
   * @param {string} action
   * @returns {ReturnType<typeof answer<Reply>>}
   */
  const act = (action) => answer(() => server.act({ token: state.token, epoch: state.epoch, rev: 0, action }));

  /**
   * Begin or resume.
   * @param {string} [message]  what to tell when that is done
   */
  async function begin(message) {
    if (beginning) return;
    beginning = true;
    const token = state.token || recall();
    const reply = await ask(token);
    beginning = false;
    if (!reply || reply.ok === false) {
      failures += 1;
      const wait = waitAfter(failures);
      if (reply) notices.complain(reply.error);
      else lose(wait);
      setTimeout(begin, wait, message);
      return;
    }
    failures = 0;
    regain();
    const former = (state.image && state.image.home) || null;
    adopt(reply);
    takeWork(reply);
    begun(reply, former);
    if (reply.stage === "encoding") polling = setTimeout(poll, POLL);
    if (message) notices.complain(message);
    else if (token && !reply.resumed) notices.complain(ENDED);
  }

  /**
   * Keep the token of an answer; each one replaces the one before.
   * @param {Begun} reply
   */
  function adopt(reply) {
    state.token = reply.token;
    remember(reply.token);
    requests.rest();
    state.settings = { ...state.settings, ...reply.settings };
  }

  /**
   * Everything about the image and the work on it.
   * @param {Begun} reply
   */
  function takeWork(reply) {
    image.show(reply.image, reply.epoch);
    state.rev = 0;
    takeAll(reply);
    image.enter(reply.stage);
    refresh.now();
  }

  /** @param {Reply} reply */
  function takeAll(reply) {
    transport.raise(reply.rev);
    applyReply(state, reply);
    view.paint("mask", "objects", "found", "prompt");
  }

  /** A page that gets no events about its image being encoded asks: it came back, or lost the line that brings them. */
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
    notices.complain(`The server cannot be reached. Your work is kept; next attempt in ${durationText(wait)}.`);
  }

  function regain() {
    if (!state.offline) return;
    state.offline = false;
    notices.complain("");
  }

  return {
    begin,
    poll,
    lose,
    regain,
    /** Whether there is no seat yet, or it is being resumed. */
    isBeginning: () => beginning || !state.token,
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
    /** Tell the server to stop opening and loading; whether it has heard that. */
    abandon: async () => (await act("abandon")) !== null,
  };
}
