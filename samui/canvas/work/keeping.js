// Keeps in this browser what the server keeps nowhere: a public page, or one that was started without a library.

import { recordOf } from "../core/held.js";
import { isPrompt } from "../core/prompt.js";

/** @import { Held } from "../core/held.js" */
/** @import { ObjectOfPage } from "../core/objects.js" */
/** @import { State } from "../core/state.js" */
/** @import { Database } from "../net/database.js" */

/** @typedef {ReturnType<typeof createKeeping>} Keeping */

const AGAIN = 5000; // ms until a write that failed is tried again

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Database} parts.database
 * @param {(content: string) => Promise<boolean>} parts.isElsewhere  whether another tab has an image open
 * @param {() => void} parts.changed  something was kept, or could not be
 */
export function createKeeping({ state, database, isElsewhere, changed }) {
  /** @type {{content: string, objects: readonly ObjectOfPage[], base: unknown, candidate: unknown, file: unknown}} */
  let written = { content: "", objects: [], base: null, candidate: null, file: null };
  let writing = false;
  let failure = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  const applies = () => (state.image ? !state.image.home : state.settings.keeps === false);

  function isBehind() {
    if (!state.image || state.restoring || state.stage === "empty") return false;
    const { content, objects, base, candidate, file } = written;
    const worth = state.objects.length > 0 || isPrompt(state.base) || content === state.image.content;
    if (!worth) return false;
    return content !== state.image.content || objects !== state.objects || base !== state.base ||
      candidate !== state.candidate || file !== fileOf(state);
  }

  /** @param {boolean} [anyway]  also what nothing was done on */
  async function update(anyway) {
    if (!applies() || writing || again || !(anyway || isBehind())) return;
    writing = true;
    try {
      await write();
      failure = "";
    } catch (error) {
      failure = error instanceof Error ? error.message || error.name : String(error);
      again = setTimeout(() => {
        again = undefined;
        update();
      }, AGAIN);
    }
    writing = false;
    changed();
    update();
  }

  async function write() {
    const { image, objects, base, candidate, source, snap, active } = state;
    if (!image) return;
    const { content, name } = image;
    const before = new Map((written.content === content ? written.objects : []).map((object) => [object.uid, object]));
    const now = new Set(objects.map(({ uid }) => uid));
    const reopened = objects.find(({ id }) => id === active);
    await database.write({
      entry: {
        content,
        name,
        source: source && !source.file ? source : null,
        order: objects.map(({ uid }) => uid),
        work: { prompt: base, candidate, active: reopened ? reopened.uid : null, snap },
      },
      changed: objects.filter((object) => before.get(object.uid) !== object).map(recordOf),
      gone: [...before.keys()].filter((uid) => !now.has(uid)),
    });
    const file = fileOf(state);
    const had = written.content === content ? written.file : null;
    written = { content, objects, base, candidate, file: had };
    if (!file || had === file || !state.image || state.image.content !== content) return;
    written.file = file; // whether or not there is room for it
    await database.keepFile(content, file);
  }

  return {
    update: () => update(),
    applies,
    /** Keep the image that is open, whether or not anything was done on it: the page is about to be loaded anew. */
    keepImage: () => update(true),
    /**
     * What is kept of an image, whatever the server keeps; or null.
     * @param {string} content
     */
    async read(content) {
      try {
        return await database.read(content);
      } catch {
        return null;
      }
    },
    /** Whether all objects that are shown are kept. */
    isDone() {
      if (!state.image || written.content !== state.image.content) return state.objects.length === 0;
      return written.objects === state.objects;
    },
    /** Why not, "" for no reason but time. */
    failure: () => failure,
    /**
     * What is kept of an image, or null.
     * @param {string} content
     */
    async find(content) {
      try {
        return state.image && applies() ? await database.read(content) : null;
      } catch {
        return null;
      }
    },
    /**
     * The image that was worked on last, unless another tab has it.
     * @returns {Promise<Held | null>}
     */
    async last() {
      if (!applies()) return null;
      try {
        const [newest] = await database.entries();
        if (!newest || (!newest.order.length && !isPrompt(newest.work.prompt))) return null;
        return (await isElsewhere(newest.content)) ? null : await database.read(newest.content);
      } catch {
        return null;
      }
    },
  };
}

/** @param {State} state */
function fileOf({ source }) {
  return (source && source.file) || null;
}
