// Asks for masks before anybody has clicked: of the place under the pointer, and of the prompt that a gesture may end
// with. If the decoder is slow, neither is worth its time.

import { maskCovers, readMask } from "../core/mask.js";
import { median, rememberTimings } from "../core/state.js";
import { durationText } from "../core/texts.js";

/** @import { Reply } from "../core/messages.js" */
/** @import { At } from "../core/geometry.js" */
/** @import { Edit } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */

/** @typedef {ReturnType<typeof createPreview>} Preview */

const REST = 40; // ms that the pointer rests before the mask under it is asked for
const SLOW_DECODE = 150; // ms; above this, decoding ahead only makes clicks wait
const ENOUGH = 3; // decoder calls after which it is known whether it is slow

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {View} parts.view
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {() => boolean} parts.isPrompting  whether there is a prompt
 */
export function createPreview({ state, transport, view, notices, refresh, isPrompting }) {
  let forced = false; // turned on by hand: slowness no longer turns it off

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;

  /** @param {At} at  image px */
  function ask(at) {
    if (state.hovering && !isPrompting() && !state.mask) transport.hover(at.x, at.y);
  }

  /** The pointer no longer rests. */
  function stir() {
    clearTimeout(resting);
  }

  function leave() {
    stir();
    transport.drop();
    if (!state.hover) return;
    state.hover = null;
    view.ask("mask");
  }

  /** @param {Reply} reply */
  function times({ timings = {} }) {
    const { decode, ahead } = timings;
    rememberTimings(state, { decode, ahead });
  }

  return {
    /** Nothing is under the pointer, and waiting requests ahead of a click are unwanted. */
    leave,
    times,
    stir,
    ask,
    /**
     * Ask for the mask at an image point, if the pointer rests there.
     * @param {At} at
     */
    rest(at) {
      stir();
      resting = setTimeout(ask, REST, at);
    },
    /**
     * Whether the shown mask is the one at an image point.
     * @param {At} at
     */
    covers: (at) => state.hover === null || maskCovers(state.hover.mask, at.x, at.y),
    /**
     * An edit may follow when the button is released.
     * @param {Edit} edit
     * @param {number} calls  of the decoder, at most
     */
    prepare(edit, calls) {
      if (median(state.decodes) * calls <= SLOW_DECODE) transport.prepare(edit);
    },
    /**
     * Show the mask under the pointer.
     * @param {Reply} reply
     * @param {At} at
     */
    take(reply, at) {
      if (reply.epoch !== state.epoch || isPrompting() || state.mask || !state.hovering) return;
      times(reply);
      const { mask, score } = reply.hover || chosen(reply);
      if (!mask) return;
      state.hover = { mask: readMask(mask), score, at };
      view.paint("mask");
      const middle = median(state.decodes);
      if (forced || state.decodes.length < ENOUGH || middle <= SLOW_DECODE) return;
      state.hovering = false;
      leave();
      notices.advise(`The hover preview is off: the decoder takes ${durationText(middle)} here. H turns it on.`);
      refresh.soon();
    },
    /** Turn the preview on or off by hand. */
    toggle() {
      state.hovering = !state.hovering;
      forced = state.hovering;
      notices.advise("");
      leave();
      refresh.changed();
    },
  };
}

/**
 * Mask and score that a click would give.
 * @param {Reply} reply
 */
function chosen({ mask = null, candidates = [], candidate = null }) {
  return { mask, score: candidate === null ? 0 : candidates[candidate].score };
}
