// The labels of the workspace: asked for, chosen from, and changed for all images.

import { labelOfKey } from "../core/workspace.js";

/** @import { State } from "../core/state.js" */
/** @import { Label } from "../core/workspace.js" */
/** @import { Asks } from "../net/asks.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Refresh } from "../show/refresh.js" */

/** @typedef {ReturnType<typeof createLabelWork>} LabelWork */
/** @typedef {{labels: Label[], fixed: boolean, undone?: string | null}} Told */

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Asks} parts.asks
 * @param {Transport} parts.transport
 * @param {Refresh} parts.refresh
 * @param {() => string} parts.chosen  the label of the next objects
 * @param {(name: string) => void} parts.choose  it
 * @param {(text: string) => void} parts.tell  in the dialog
 */
export function createLabelWork({ state, asks, transport, refresh, chosen, choose, tell }) {
  const { workspace } = state;
  let loaded = false;

  /** @param {Told} told */
  function take({ labels, fixed }) {
    workspace.labels = labels;
    workspace.fixed = fixed;
    refresh.soon();
  }

  async function load() {
    if (workspace.kind === null) return;
    const told = await /** @type {typeof asks.ask<Told>} */ (asks.ask)("labels");
    if (!told) return;
    const before = names();
    const first = !loaded;
    loaded = true;
    take(told);
    // Somebody else may have renamed a label of the objects that are shown.
    if (!first && before !== names() && state.stage === "ready") transport.push({ action: "state" });
  }

  const names = () => workspace.labels.map(({ name }) => name).join("\n");

  /**
   * Change labels on all images; what the open one shows follows.
   * @param {{change: string, [field: string]: unknown}} meant
   */
  async function change(meant) {
    tell("");
    await transport.settled();
    const told = await /** @type {typeof asks.change<Told>} */ (asks.change)("label", meant);
    if (!told) return load();
    take(told);
    if (meant.change === "rename" && chosen() === meant.name) choose(String(meant.to));
    if (meant.change === "undo") tell(told.undone ? `Undone: ${told.undone}.` : "There is nothing to undo.");
    if (state.image) transport.push({ action: "state" });
  }

  return {
    load,
    change,
    /** Ask for the labels if an object has one that the page does not know. */
    learn() {
      const known = new Set(workspace.labels.map(({ name }) => name));
      if (state.objects.some(({ label }) => label && !known.has(label))) load();
    },
    /**
     * The colour of a label, or undefined.
     * @param {string} name
     */
    colour: (name) => (workspace.labels.find((label) => label.name === name) || { colour: undefined }).colour,
    /** @param {string} key */
    chooseByKey(key) {
      const label = labelOfKey(workspace.labels, key);
      if (label) choose(label.name);
      return label !== undefined;
    },
    undo: () => change({ change: "undo" }),
  };
}
