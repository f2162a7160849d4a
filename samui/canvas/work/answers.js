// What comes back over the transport, and what it changes on the page.

import { applyReply } from "../core/state.js";

/** @import { Prompt } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Listener, Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { LayerName, View } from "../show/view.js" */
/** @import { Closer } from "./closer.js" */
/** @import { Preview } from "./preview.js" */
/** @import { Seat } from "./seat.js" */

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {View} parts.view
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {Preview} parts.preview
 * @param {Closer} parts.closer
 * @param {Seat} parts.seat
 * @param {() => Prompt} parts.prompt  the prompt to show
 * @returns {Listener}
 */
export function createAnswers({ state, transport, view, notices, refresh, preview, closer, seat, prompt }) {
  let refused = Infinity; // when the action was refused that the page complains about, ms of performance.now()

  /** @type {Listener["reply"]} */
  function reply(told, sent) {
    if (told.epoch !== state.epoch || (told.rev || 0) < state.rev) return;
    if (told.moved) {
      transport.forget();
      notices.advise("");
      seat.begin();
      return;
    }
    // What was done before only waited for its turn: the message must be seen.
    if (sent.began > refused && sent.request.action !== "state") {
      refused = Infinity;
      notices.complain("");
    }
    const began = performance.now();
    const changed = applyReply(state, told);
    const { points } = prompt();
    if (typeof state.selected === "number" && state.selected >= points.length) state.selected = null;
    view.paint(...layersOf(changed));
    const painted = performance.now();
    state.timings.roundtrip = sent.roundtrip;
    if (!sent.operations.some(({ shown }) => shown)) {
      state.timings.paint = painted - began;
      state.timings.total = painted - sent.began;
    }
    refresh.soon();
    closer.after(sent.request);
  }

  /**
   * The server refused an action: say why, and go back to what the server has.
   * @type {Listener["refuse"]}
   */
  function refuse(told, sent) {
    if (told.kind === "session") {
      transport.forget();
      seat.begin(`${told.error} A new session has begun; open the image again.`);
    } else if (sent.request.epoch !== state.epoch || (told.kind === "epoch" && state.opening)) {
      return; // it was about the image before, and what is new is on its way
    } else if (told.kind === "epoch") {
      transport.forget();
      seat.begin();
    } else {
      notices.complain(told.error);
      refused = performance.now();
      if (sent.request.action !== "state") transport.push({ action: "state" });
    }
    refresh.changed();
  }

  return {
    reply,
    refuse,
    hover: (told, { at }) => preview.take(told, at),
    prepared: preview.times,
    offline: seat.lose,
    online: seat.regain,
  };
}

/**
 * The layers to paint after a reply.
 * @param {{mask: boolean, objects: boolean, found: boolean}} changed
 * @returns {LayerName[]}
 */
function layersOf({ mask, objects, found }) {
  /** @type {Set<LayerName>} */
  const layers = new Set(["prompt"]);
  if (mask || found) layers.add("mask");
  if (objects || found) layers.add("found");
  if (objects) layers.add("objects");
  return [...layers];
}
