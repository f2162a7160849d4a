// Calls of the server's functions. Gradio's promise of an answer resolves to nothing where the server cannot be reached,
// and likewise where it, or a proxy on the way, answers with an error of HTTP: what is no envelope is no answer.

/** @import { Refusal, Reply } from "../core/messages.js" */

const PATIENCE = 60000; // ms after which a call counts as lost
const WAITS = [500, 1000, 2000, 4000]; // ms between attempts

/**
 * Ms to wait before the next attempt, after so many that failed.
 * @param {number} failed
 */
export function waitAfter(failed) {
  return WAITS[Math.min(Math.max(failed, 1), WAITS.length) - 1];
}

/**
 * The envelope that a call brings; null if it failed, took too long, or is no envelope.
 * @template [T=Reply]
 * @param {() => unknown} call  begins the call: returns a promise, or throws
 * @param {number} [patience]  ms
 * @returns {Promise<T | Refusal | null>}
 */
export function answer(call, patience = PATIENCE) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patience, null);
    /** @param {any} reply */
    const take = (reply) => {
      clearTimeout(timer);
      resolve(reply && typeof reply === "object" && "ok" in reply ? reply : null);
    };
    new Promise((begun) => begun(call())).then(take, () => take(null));
  });
}
