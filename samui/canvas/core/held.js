// What the page holds of an image, as it can be kept and put back into a seat that lacks it. Plain data and pure
// functions.

import { foldPrompt, isPrompt } from "./prompt.js";

/** @import { Prompt, WireMask } from "./messages.js" */
/** @import { ObjectOfPage } from "./objects.js" */
/** @import { Operation } from "./prompt.js" */
/** @import { State } from "./state.js" */

/**
 * An object whole, as the action "put" takes it.
 * @typedef {{uid: string, id: number, label: string, mask: Pick<WireMask, "size" | "counts">} & Record<string, unknown>} Record_
 */

/**
 * Where an image comes from: a sample by name, a file that the page has, or what the server finds again by itself.
 * @typedef {{sample?: string, file?: Blob, name?: string, image?: string}} Source
 */

/**
 * The object at work: its prompt, which candidate is looked at, and of which accepted object it is.
 * @typedef {{prompt: Prompt, candidate: number | null, active: string | null, snap: boolean}} AtWork
 */

/**
 * @typedef {object} Held
 * @property {string} content  of the image
 * @property {string} name
 * @property {Source | null} source
 * @property {Record_[]} objects  in the order in which they are drawn
 * @property {string[]} newer  uids of those that hold more than the server's store
 * @property {string[]} gone  uids of those that its store does not know to be deleted
 * @property {AtWork} work
 */

/**
 * An object as it is kept and put back.
 * @param {ObjectOfPage} object
 * @returns {Record_}
 */
export function recordOf({ uid, id, label, colour, visible, score, mask, counts, made }) {
  const { width = 0, height = 0 } = mask || {};
  return { uid, id, label, colour, visible, score, mask: { size: [height, width], counts }, ...made };
}

/**
 * All that the page holds of the image that is open.
 * @param {State} state
 * @param {Source | null} source
 * @returns {Held}
 */
export function holdingOf(state, source) {
  const { image, objects, safe, base, candidate, active, snap } = state;
  const before = new Map(safe.map((object) => [object.uid, object]));
  const now = new Set(objects.map(({ uid }) => uid));
  const reopened = objects.find(({ id }) => id === active);
  return {
    content: image ? image.content : "",
    name: image ? image.name : "",
    source,
    objects: objects.map(recordOf),
    newer: objects.filter((object) => before.get(object.uid) !== object).map(({ uid }) => uid),
    gone: safe.filter(({ uid }) => !now.has(uid)).map(({ uid }) => uid),
    work: { prompt: base, candidate, active: reopened ? reopened.uid : null, snap },
  };
}

/**
 * Records in portions that a request can carry; one that is too large by itself stands alone.
 * @param {Record_[]} records
 * @param {{characters: number, records: number}} most
 * @returns {Record_[][]}  at least one portion, which may be empty
 */
export function portions(records, most) {
  /** @type {Record_[][]} */
  const all = [[]];
  let size = 0;
  for (const record of records) {
    const last = all[all.length - 1];
    const more = JSON.stringify(record).length;
    if (last.length && (size + more > most.characters || last.length >= most.records)) {
      all.push([record]);
      size = more;
    } else {
      last.push(record);
      size += more;
    }
  }
  return all;
}

/**
 * What brings the object at work back, once all objects are.
 * @param {AtWork} work
 * @param {readonly ObjectOfPage[]} objects  as they are now
 * @param {boolean} snaps  whether the server snaps
 * @returns {Operation[]}
 */
export function resumption({ prompt, candidate, active, snap }, objects, snaps) {
  /** @type {Operation[]} */
  const operations = [];
  const reopened = objects.find(({ uid }) => uid === active);
  if (snap !== snaps) operations.push({ action: "snap", on: snap });
  if (reopened) operations.push({ action: "reopen", object: reopened.id });
  if (!isPrompt(prompt)) return operations;
  operations.push({ edit: () => prompt });
  if (candidate) operations.push({ action: "choose", candidate });
  return operations;
}

/**
 * Operations whose objects may have other numbers now; those of objects that are no more are left out.
 * @param {Operation[]} operations
 * @param {readonly {id: number, uid: string}[]} before
 * @param {readonly {id: number, uid: string}[]} now
 * @returns {Operation[]}
 */
export function renumbered(operations, before, now) {
  const uids = new Map(before.map(({ id, uid }) => [id, uid]));
  const ids = new Map(now.map(({ id, uid }) => [uid, id]));
  return operations.flatMap((operation) => {
    if (typeof operation.object !== "number") return [operation];
    const object = ids.get(uids.get(operation.object) || "");
    return object === undefined ? [] : [{ ...operation, object }];
  });
}

/**
 * What a page takes along when it loads itself anew, as JSON can hold it. isKept: whether the objects that are not newer
 * are kept elsewhere, and can be left out.
 * @param {Held & {before: readonly {id: number, uid: string}[] | null, operations: Operation[]}} held
 * @param {boolean} isKept
 */
export function packed({ content, name, source, objects, newer, gone, work, before, operations }, isKept) {
  const { sample, image } = source || {};
  const own = new Set(newer);
  let { prompt } = work;
  return {
    content,
    name,
    source: sample || image ? { sample, image, name } : null,
    objects: isKept ? objects.filter(({ uid }) => own.has(uid)) : objects,
    newer,
    gone,
    work,
    before: (before || []).map(({ id, uid }) => ({ id, uid })),
    // An edit is a function; what it makes of the prompt is none.
    operations: operations.map(({ edit, ...operation }) => {
      prompt = foldPrompt(prompt, [{ edit, ...operation }]);
      return edit ? { whole: prompt } : operation;
    }),
  };
}

/**
 * The inverse of `packed`.
 * @param {ReturnType<typeof packed>} taken
 */
export function unpacked({ operations, ...held }) {
  /** @type {Operation[]} */
  const all = operations.map((one) => ("whole" in one ? { edit: () => one.whole } : one));
  return { ...held, operations: all };
}
