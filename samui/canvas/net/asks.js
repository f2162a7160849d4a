// Questions about the workspace, beside the queue of actions; and changes of it, one after the other in their order,
// each asked again until it is answered. A change has an id of its own, so that it is done once.

import { newId } from "../core/ids.js";
import { answer, waitAfter } from "./calls.js";

/** @import { Refusal } from "../core/messages.js" */

/** @typedef {ReturnType<typeof createAsks>} Asks */

/**
 * @param {(request: object) => unknown} call  promise of an answer, or of nothing
 * @param {() => string | null} token  of the seat
 * @param {(refusal: Refusal) => void} refuse  hears why a change was not made
 * @param {() => void} lost  hears that the server does not know the seat
 */
export function createAsks(call, token, refuse, lost) {
  let unanswered = 0;
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();

  /**
   * @template T
   * @param {string} ask
   * @param {object} fields
   * @returns {Promise<({ok: true} & T) | Refusal | null>}
   */
  async function once(ask, fields) {
    const told = await /** @type {any} */ (answer)(() => call({ token: token(), ask, ...fields }));
    if (told && told.ok === false && told.kind === "session") lost();
    return told;
  }

  /**
   * @template T
   * @param {string} ask
   * @param {object} fields
   * @returns {Promise<({ok: true} & T) | null>}
   */
  async function insist(ask, fields) {
    for (let failures = 0; ; ) {
      const told = await /** @type {typeof once<T>} */ (once)(ask, fields);
      if (told && told.ok) return told;
      if (told && told.kind !== "session" && told.kind !== "store") {
        refuse(told);
        return null;
      }
      if (told && told.kind === "store") refuse(told);
      failures += 1;
      await new Promise((wake) => setTimeout(wake, waitAfter(failures)));
    }
  }

  return {
    /**
     * Ask; null where nothing came.
     * @template T
     * @param {string} name
     * @param {object} [fields]
     * @returns {Promise<({ok: true} & T) | null>}
     */
    async ask(name, fields = {}) {
      const told = await /** @type {typeof once<T>} */ (once)(name, fields);
      return told && told.ok ? told : null;
    },
    /**
     * Change something; null where the server refused it.
     * @template T
     * @param {string} name
     * @param {object} [fields]
     * @returns {Promise<({ok: true} & T) | null>}
     */
    async change(name, fields = {}) {
      unanswered += 1;
      const id = newId();
      const mine = last.then(() => /** @type {typeof insist<T>} */ (insist)(name, { id, ...fields }));
      last = mine;
      try {
        return await mine;
      } finally {
        unanswered -= 1;
      }
    },
    /** Whether a change has no answer yet. */
    busy: () => unanswered > 0,
  };
}
