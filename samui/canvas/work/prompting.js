// What a person does to the active object and to accepted ones: edits of the prompt, and named actions.

import { edits, foldPrompt, isPrompt } from "../core/prompt.js";
import { applyReply, offered } from "../core/state.js";

/** @import { Box, Prompt, Reply } from "../core/messages.js" */
/** @import { Edit, Operation } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Label } from "../show/label.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */

/** @typedef {ReturnType<typeof createPrompting>} Prompting */

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {View} parts.view
 * @param {Refresh} parts.refresh
 * @param {Label} parts.label
 * @param {() => Prompt} parts.prompt  the prompt to show
 * @param {() => void} parts.focus  gives the canvas the focus
 * @param {(label: string) => string | undefined} parts.colourOf  a label
 */
export function createPrompting({ state, transport, view, refresh, label, prompt, focus, colourOf }) {
  /**
   * Change the prompt.
   * @param {Edit} change
   * @param {number} [began]  when the gesture began, ms of performance.now()
   */
  function edit(change, began = performance.now()) {
    state.hover = state.mask ? null : state.hover; // the preview stays until the answer replaces it
    transport.drop();
    const reply = transport.foreseen(change);
    if (reply) return showForeseen(reply, change, began);
    transport.push({ edit: change }, began);
    refresh.changed();
  }

  /**
   * The answer to an edit is known before the edit is sent: paint its mask. The server's own answer updates the prompt.
   * @param {Reply} reply
   * @param {Edit} change
   * @param {number} began
   */
  function showForeseen({ candidates, candidate, absent, mask, can, serial, timings }, change, began) {
    const start = performance.now();
    applyReply(state, { candidates, candidate, absent, mask, can, serial });
    transport.push({ edit: change, shown: true }, began);
    view.paint("mask", "prompt");
    const painted = performance.now();
    Object.assign(state.timings, timings, { paint: painted - start, total: painted - began });
    refresh.soon();
  }

  /**
   * Ask the server for an action.
   * @param {Operation} operation
   * @param {number} [began]  ms of performance.now()
   */
  function operate(operation, began) {
    if (!state.image) return;
    transport.push(operation, began);
    refresh.changed();
  }

  /**
   * Reopen an object.
   * @param {number} object
   * @param {number} [began]
   * @param {Prompt} [instead]  the prompt before the first of two clicks
   */
  function reopen(object, began, instead) {
    if (instead) transport.push({ edit: edits.replace(instead) }, began);
    operate({ action: "reopen", object }, began);
    focus();
  }

  /** @param {number} slot  of the strip */
  function choose(slot) {
    const places = offered(state);
    if (slot < places.length) operate({ action: "choose", candidate: places[slot] });
  }

  function chooseNext() {
    const places = offered(state);
    choose((places.indexOf(state.candidate ?? -1) + 1) % places.length);
  }

  /** @param {boolean} include */
  function mean(include) {
    state.include = include;
    refresh.changed();
  }

  const isPrompting = () => isPrompt(prompt());

  return {
    edit,
    operate,
    reopen,
    choose,
    isPrompting,
    /**
     * The prompt with another box, whatever a gesture shows at the moment.
     * @param {Box} box
     * @returns {Prompt}
     */
    withBox: (box) => ({ ...foldPrompt(state.base, transport.unanswered()), box }),
    commands: {
      undo: () => operate({ action: "undo" }),
      redo: () => operate({ action: "redo" }),
      clear() {
        state.selected = null;
        if (isPrompting() || state.mask) operate({ action: "clear" });
      },
      accept() {
        const last = transport.unanswered().slice(-1)[0];
        if ((last && last.action === "accept") || (!state.can.accept && !isPrompting())) return;
        state.selected = null;
        const text = label.text();
        operate({ action: "accept", label: text, colour: colourOf(text) });
      },
      "next-candidate": chooseNext,
      "candidate-1": () => choose(0),
      "candidate-2": () => choose(1),
      "candidate-3": () => choose(2),
      snap: () => operate({ action: "snap", on: !state.snap }),
      include: () => mean(true),
      exclude: () => mean(false),
      "toggle-include": () => mean(!state.include),
      back: () => operate({ action: "back" }),
    },
    /** What the rows of the list do with their objects. */
    rows: {
      /** @type {(object: number, visible: boolean) => void} */
      show: (object, visible) => operate({ action: "show", object, visible }),
      /** @type {(object: number, colour: string) => void} */
      recolour: (object, colour) => operate({ action: "recolour", object, colour }),
      /** @type {(object: number, text: string) => void} */
      relabel: (object, text) => operate({ action: "relabel", object, label: text }),
      /** @type {(object: number) => void} */
      reopen: (object) => reopen(object),
      /** @type {(object: number) => void} */
      remove: (object) => operate({ action: "delete", object }),
    },
  };
}
