// Puts back what the page holds where the server does not know it any more: it was restarted, it slept, or the seat was
// taken from a page that had been left for long. The image is opened again, then its objects go back under their own
// names, then the object at work, then whatever was asked and not answered. Nobody is asked for anything but for an
// image file that neither the server nor the page has any more.

import { holdingOf, packed, portions, renumbered, resumption, unpacked } from "../core/held.js";
import { nameOf } from "../core/objects.js";
import { foldPrompt, isPrompt } from "../core/prompt.js";
import { forgetHeld, recallHeld, recallSource } from "../net/token.js";

/** @import { Held, Record_ } from "../core/held.js" */
/** @import { Begun, OpenImage, Refusal, Reply, Step } from "../core/messages.js" */
/** @import { Operation } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { ImageOfPage } from "./image.js" */
/** @import { Keeping } from "./keeping.js" */
/** @import { LongWork } from "./long.js" */
/** @import { Seat } from "./seat.js" */

/**
 * before: the objects as the page numbered them, null where it did not; operations: those without an answer, oldest
 * first.
 * @typedef {Held & {before: readonly {id: number, uid: string}[] | null, operations: Operation[]}} Waiting
 */
/** @typedef {ReturnType<typeof createRestore>} Restore */
/** @typedef {Pick<Restore, "lost" | "arrived" | "failed" | "again">} Back  What seat and long work tell of. */

const BACK = "The server had lost this page's place; your work is back in a new one. Undo begins anew.";
const MOST = { characters: 400_000, records: 300 }; // of a request; a server takes 1 MB and 500 objects

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Notices} parts.notices
 * @param {ImageOfPage} parts.image
 * @param {Seat} parts.seat
 * @param {LongWork} parts.long
 * @param {Keeping} parts.keeping
 */
export function createRestore({ state, transport, notices, image, seat, long, keeping }) {
  /** @type {Map<string, Waiting>} */
  const waiting = new Map(); // by content of their image
  /** @type {Waiting | null} */
  let wanted = null; // whose image is being opened again

  /**
   * There is a seat, which may know nothing of the page: bring back what was in the one before. Whether that is under
   * way; where the seat has the image already, that is left to whoever takes it over.
   * @param {Begun} begun
   * @returns {Promise<boolean>}
   */
  async function lost({ epoch, resumed, image: opened }) {
    const isThere = resumed && (Boolean(opened) || state.restoring);
    const held = state.image ? (isThere ? null : hold()) : await kept(isThere);
    if (!held) return false;
    waiting.set(held.content, held);
    if (isThere) {
      state.restoring = !opened || opened.content === held.content;
      return false;
    }
    state.restoring = true;
    state.epoch = epoch;
    state.serial = 0;
    wanted = held;
    notices.work("Putting your work back.");
    reopen(held);
    return true;
  }

  /** @returns {Waiting} */
  function hold() {
    const operations = transport.unanswered();
    const old = waiting.get(state.image ? state.image.content : "");
    if (old && state.restoring) return { ...old, operations: merged(old.operations, operations) };
    return { ...holdingOf(state, state.source), before: state.objects, operations };
  }

  /**
   * What outlasted the page itself. isThere: the seat has its image still.
   * @param {boolean} isThere
   * @returns {Promise<Waiting | null>}
   */
  async function kept(isThere) {
    const taken = recallHeld();
    if (taken) return withKept(unpacked(taken));
    if (isThere) return null;
    const source = recallSource(null);
    const found = await keeping.last();
    if (found) return { ...found, before: null, operations: [] };
    return source && { ...NOTHING, source };
  }

  /**
   * What the page took along, with what the browser keeps of the same image.
   * @param {Waiting} taken
   * @returns {Promise<Waiting>}
   */
  async function withKept(taken) {
    const found = await keeping.read(taken.content);
    if (!found) return taken;
    const own = new Set(taken.objects.map(({ uid }) => uid));
    const others = found.objects.filter(({ uid }) => !own.has(uid) && !taken.gone.includes(uid));
    return { ...taken, source: taken.source || found.source, objects: [...others, ...taken.objects] };
  }

  /** @param {Waiting} held */
  function reopen({ source, name }) {
    if (!source || !long.openAgain(source)) askFor(name);
  }

  /** @param {string} name */
  function askFor(name) {
    notices.work("");
    if (!name) return giveUp();
    notices.complain(`The server needs ${name} again: choose the file, or drop it here. All else is still on this page.`);
  }

  function giveUp() {
    wanted = null;
    state.restoring = false;
  }

  /**
   * An image is open and ready: put back what is held of it, if anything is; whether that was done.
   * @param {Pick<Step, "image" | "epoch">} step
   * @returns {Promise<boolean>}
   */
  async function arrived({ image: opened, epoch }) {
    if (!opened) return false;
    const held = waiting.get(opened.content) || sameAs(opened) || (await stored(opened));
    if (epoch !== state.epoch) return true; // another one has come meanwhile
    waiting.delete(""); // of which nothing but its image was known
    if (!held) {
      if (wanted && wanted.content) notices.complain(`The objects of ${wanted.name} wait until that image is open again.`);
      giveUp();
      return false;
    }
    state.restoring = true;
    const reply = await putAll(held);
    if (!reply || epoch !== state.epoch) return true; // the seat has gone again, and all begins anew
    waiting.delete(held.content);
    forgetHeld();
    finish(held, reply);
    return true;
  }

  /**
   * The file that somebody chose in place of one that could not be had is equal in size, if not in its bytes.
   * @param {OpenImage} opened
   */
  function sameAs({ width, height, name }) {
    const [size] = wanted && wanted.objects.length ? wanted.objects.map((record) => record.mask.size) : [];
    return wanted && wanted.name === name && size && size[0] === height && size[1] === width ? wanted : undefined;
  }

  /** @param {OpenImage} opened */
  async function stored({ content }) {
    const found = await keeping.find(content);
    return found && { ...found, before: null, operations: [] };
  }

  /**
   * Put all objects back; the last answer tells what the seat has then. Null if the seat has gone meanwhile.
   * @param {Waiting} held
   * @returns {Promise<Reply | null>}
   */
  async function putAll(held) {
    const asked = held.operations.flatMap(({ op }) => (op ? [op] : [])).slice(0, 1000);
    const fields = { newer: held.newer, gone: held.gone, asked };
    /** @type {Reply | null} */
    let last = null;
    const waits = portions(held.objects, MOST);
    for (let portion = waits.shift(); portion; portion = waits.shift()) {
      const told = await seat.put({ ...fields, objects: portion });
      if (told.ok) last = told;
      else if (["session", "epoch"].includes(told.kind)) return beginAnew();
      else if (portion.length > 1) waits.unshift(...portion.map((record) => [record])); // one of them is at fault
      else refuse(portion[0], told);
    }
    if (last) return last;
    const told = await seat.put({ ...fields, objects: [] });
    return told.ok ? told : beginAnew();
  }

  function beginAnew() {
    transport.restart();
    seat.begin();
    return null;
  }

  /**
   * @param {Record_ | undefined} record
   * @param {Refusal} told
   */
  function refuse(record, told) {
    const name = record ? nameOf(record) : "an object";
    notices.complain(`The server does not take ${name} back: ${told.error}`);
  }

  /**
   * @param {Waiting} held
   * @param {Reply} reply
   */
  function finish(held, reply) {
    const all = merged(held.operations, transport.unanswered());
    const known = new Set(reply.known);
    // One is asked for after the other: what comes before one that was applied has been answered, or is of no account.
    const done = all.reduce((last, { op = "" }, index) => (known.has(op) ? index + 1 : last), 0);
    const operations = all.slice(done);
    const prompt = foldPrompt(held.work.prompt, all.slice(0, done));
    seat.takeAll(reply);
    const now = state.objects;
    const work = { ...held.work, prompt, active: isPrompt(prompt) ? held.work.active : null };
    const begun = isPrompt(prompt) || held.work.snap !== state.snap ? resumption(work, now, state.snap) : [];
    transport.replace([...begun, ...renumbered(operations, held.before || [], now)]);
    wanted = null;
    state.restoring = false;
    notices.work("");
    if (held.objects.length || operations.length || begun.length) {
      notices.advise(held.before ? BACK : again(held.name, now.length));
    }
    image.enter("ready");
  }

  return {
    lost,
    arrived,
    /** The new seat has no image yet. */
    again() {
      if (wanted) reopen(wanted);
      else giveUp();
    },
    /**
     * The image could not be opened again. Whether anything waits for it.
     * @param {Step} step
     */
    failed(step) {
      if (!wanted) return false;
      if (step.kind === "session") return true; // which begins anew
      const { source, name } = wanted;
      if (source && source.image && source.file) {
        wanted.source = { ...source, image: undefined };
        reopen(wanted);
      } else askFor(name);
      return true;
    },
    /** What the page must take along where it is loaded anew, or null; as JSON can hold it. */
    taken() {
      const held = state.image ? hold() : wanted;
      return held && held.content ? packed(held, !state.image || Boolean(state.image.home) || keeping.isDone()) : null;
    },
    /** Name of an image whose objects wait for it, "" for none. */
    waitsFor() {
      const held = [...waiting.values()].find(({ objects, operations }) => objects.length > 0 || operations.length > 0);
      return held ? held.name : "";
    },
  };
}

const NOTHING = {
  content: "",
  name: "",
  objects: [],
  newer: [],
  gone: [],
  work: { prompt: { points: [], box: null }, candidate: null, active: null, snap: false },
  before: null,
  operations: [],
};

/**
 * @param {string} name  of the image
 * @param {number} count  of objects
 */
function again(name, count) {
  return `What you did on ${name} is back: ${count === 1 ? "1 object" : `${count} objects`}.`;
}

/**
 * Operations of two lists, each once.
 * @param {Operation[]} one
 * @param {Operation[]} other
 */
function merged(one, other) {
  return [...one, ...other.filter((operation) => !one.includes(operation))];
}
