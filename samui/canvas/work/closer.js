// The answer from closer views: once a prompt has its first mask, the server is asked for the final one, which takes it
// some more encoding. It is painted where the page still shows what it was asked about, and then set like any prompt.
// Whatever a person does meanwhile comes first: that answer is dropped.

import { applyReply } from "../core/state.js";

/** @import { Request } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */

/** @typedef {ReturnType<typeof createCloser>} Closer */

const REST = 400; // ms until a press has become a click or nothing

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {View} parts.view
 * @param {Refresh} parts.refresh
 */
export function createCloser({ state, transport, view, refresh }) {
  let newest = 0; // number of the newest question
  let looking = false;

  async function look() {
    newest += 1;
    const mine = newest;
    const { serial, epoch, base } = state;
    /** Whether the page still shows what was asked about, and nobody does anything. */
    const isShown = () => mine === newest && state.epoch === epoch && state.serial === serial && !transport.busy();
    looking = true;
    const reply = await transport.aside({ action: "prepare", points: base.points, box: base.box, close_ups: true });
    if (mine === newest) looking = false;
    // A view that failed leaves the answer that is there.
    if (!reply || reply.ok === false || !isShown()) return;
    if (reply.overtaken || state.draft) {
      setTimeout(() => isShown() && look(), REST); // by a press that may come to nothing
      return;
    }
    const { candidates, candidate, mask, can, serial: next } = reply;
    applyReply(state, { candidates, candidate, mask, can, serial: next });
    transport.push({ action: "prompt", points: base.points, box: base.box, close_ups: true, shown: true });
    view.paint("mask", "prompt");
    refresh.soon();
  }

  return {
    /**
     * A request was answered, and the answer is shown.
     * @param {Request} request
     */
    after({ action, close_ups: closely }) {
      const { model } = state.settings;
      if (action !== "prompt" || closely || !model || !model.close_ups || transport.busy()) return;
      look();
    },
    /** Whether an answer is still on its way. */
    busy: () => looking,
  };
}
