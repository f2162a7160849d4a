// The images that were opened last, where the server keeps them.

/** @import { State } from "../core/state.js" */
/** @import { Row } from "../core/workspace.js" */
/** @import { Asks } from "../net/asks.js" */

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Asks} parts.asks
 * @param {(rows: Row[], but: string | null) => void} parts.show
 */
export function createRecentWork({ state, asks, show }) {
  return {
    async load() {
      if (state.workspace.kind !== "library") return;
      const told = await /** @type {typeof asks.ask<{rows: Row[]}>} */ (asks.ask)("recent");
      if (told) show(told.rows, (state.image && state.image.home) || null);
    },
  };
}
