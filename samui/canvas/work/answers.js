// Answers that come back over the transport, and what they change on the page.

import { applyReply, takeSaved } from "../core/state.js";

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
  let refused = Infinity; // ms of performance.now() at which the action that the page complains about was refused

  /** @type {Listener["reply"]} */
  function reply(told, sent) {
    if (told.epoch !== state.epoch || (told.rev || 0) < state.rev) return;
    if (told.moved) {
      transport.forget();
      notices.advise("");
      seat.begin();
      return;
    }
    // Actions from before the refusal only waited for their turn: the message must stay visible.
    if (sent.began > refused && sent.request.action !== "state") {
      refused = Infinity;
      notices.complain("");
    }
    const began = performance.now();
    const changed = applyReply(state, told);
    takeSaved(state, told);
    if (told.notices) notices.advise(told.notices.map(sentence).join(" "));
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
   * The server refused an action: say why, and go back to what the server has. Where it is the seat that is at fault,
   * what was asked waits for another one.
   * @type {Listener["refuse"]}
   */
  function refuse(told, sent, left) {
    if (told.kind === "session") {
      transport.restart();
      seat.begin();
    } else if (sent.request.epoch !== state.epoch) {
      return; // it was about the image before
    } else if (told.kind === "epoch" && state.opening) {
      transport.forget(); // likewise, and what is new is on its way
    } else if (told.kind === "epoch") {
      transport.restart();
      seat.begin();
    } else {
      const steps = left === 1 ? "The step behind it was" : `The ${left} steps behind it were`;
      notices.complain(left ? `${sentence(told.error)} ${steps} left out.` : told.error);
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
 * A text with a full stop.
 * @param {string} text
 */
function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
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
