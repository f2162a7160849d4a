// The images of the folder: which one comes next, how far each is, and what has changed in the folder meanwhile.

import { paceText } from "../core/pace.js";
import { isFiltering } from "../core/workspace.js";

/** @import { State } from "../core/state.js" */
/** @import { Counts, Filter, ImageState, Row, ToldWorkspace } from "../core/workspace.js" */
/** @import { Asks } from "../net/asks.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { List } from "../show/list.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { Prompting } from "./prompting.js" */

/** @typedef {ReturnType<typeof createFolderWork>} FolderWork */
/** @typedef {{by: 1 | -1, todo: boolean}} Way  To which image: after or before this one, and only to one that is to do. */

const LOOK = 4000; // ms between two looks at what has changed
const NOT_KEPT = "The mask at work is not kept. Enter keeps it as an object; the same key again goes on without it.";

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Asks} parts.asks
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {Prompting} parts.prompting
 * @param {() => List} parts.list
 * @param {(image: string) => void} parts.open  begins to open an image of the folder
 * @param {() => void} parts.changed  others have changed something: labels, objects
 */
export function createFolderWork({ state, transport, asks, notices, refresh, prompting, list, open, changed }) {
  const { workspace } = state;
  /** @type {number[]} */
  const finished = []; // when images were finished on this page, ms
  /** @type {Way} */
  let way = { by: 1, todo: false }; // that was gone last
  /** @type {string | null} */
  let going = null; // the image that is on its way, from which the next steps count
  let isAsking = false;
  /** @type {string | null} */
  let warned = null; // the image whose unfinished mask was told of
  let version = "";

  /** The image from which a step counts. */
  const here = () => going || (state.image && state.image.home) || null;
  const isFolder = () => workspace.kind === "folder";
  /** What of a filter the way to the next image goes by. */
  const filter = () => workspace.filter;

  /** @param {Counts} counts */
  function takeCounts(counts) {
    workspace.counts = counts;
  }

  /**
   * Open an image, once all that was done on this one is answered.
   * @param {string} image
   */
  async function go(image) {
    going = image;
    await transport.settled();
    if (going === image) open(image);
  }

  /**
   * Go to another image; null where there is none.
   * @param {Way} to
   */
  async function step(to) {
    if (!isFolder() || isAsking || isHeld()) return;
    isAsking = true;
    const told = await /** @type {typeof asks.ask<{row: Row | null}>} */ (asks.ask)("next", {
      image: here(), filter: filter(), ...to,
    });
    isAsking = false;
    if (!told) return;
    way = to;
    if (told.row && told.row.image !== here()) return go(told.row.image);
    notices.advise(ending(to));
  }

  /** Whether a mask would be lost: told once for each image. */
  function isHeld() {
    const image = here();
    if ((!prompting.isPrompting() && !state.mask) || warned === image) return false;
    warned = image;
    notices.advise(NOT_KEPT);
    return true;
  }

  /** @param {Way} way */
  function ending({ by, todo }) {
    const among = isFiltering(filter()) ? " in the list as it is filtered" : "";
    if (todo) return `There is no other image to do${among}.`;
    return by > 0 ? `This is the last image${among}.` : `This is the first image${among}.`;
  }

  /**
   * Say how far the open image is; the same again takes it back.
   * @param {ImageState} meant
   * @param {boolean} [keep]  the same again stays
   */
  async function mark(meant, keep = false) {
    const { row } = workspace;
    if (!row) return false;
    const back = row.objects > 0 ? "progress" : "todo";
    const next = row.state === meant && !keep ? back : meant;
    await transport.settled(); // an object that is on its way makes the image one in progress
    const told = await /** @type {typeof asks.change<{row: Row, counts: Counts}>} */ (asks.change)("state", {
      image: row.image, state: next,
    });
    if (!told) return false;
    if (next === meant && row.state !== meant) finished.push(Date.now());
    takeCounts(told.counts);
    takeRow(told.row);
    return true;
  }

  /** @param {Row} row */
  function takeRow(row) {
    if (state.image && state.image.home === row.image) workspace.row = row;
    list().update(row);
    refresh.soon();
  }

  /** @param {ImageState} meant */
  async function markAndGoOn(meant) {
    if (!isFolder() || isHeld()) return;
    warned = here();
    if (await mark(meant, true)) await step({ by: 1, todo: true });
  }

  /** Ask where the open image stands. */
  async function place() {
    const image = state.image && state.image.home;
    if (!isFolder() || !image) return;
    const told = await /** @type {typeof asks.ask<{row: Row, at: number | null, place: number | null, counts: Counts}>} */ (
      asks.ask
    )("place", { image, filter: filter() });
    if (!told || !state.image || state.image.home !== image) return;
    const other = !workspace.row || workspace.row.image !== image;
    workspace.row = told.row;
    workspace.at = told.at;
    takeCounts(told.counts);
    list().update(told.row);
    list().mark(image, other ? told.place : null);
    refresh.soon();
  }

  /** Have the image ready that comes next the way that was gone last. */
  function prepareNext() {
    const image = state.image && state.image.home;
    if (isFolder() && image) asks.ask("ahead", { image, filter: filter(), ...way });
  }

  /** What has changed in the folder, and by others. */
  async function look() {
    if (isFolder() && !document.hidden && state.token && !state.offline) {
      const told = await /** @type {typeof asks.ask<{counts: Counts, version: string}>} */ (asks.ask)("look");
      if (told && told.version !== version) {
        const first = version === "";
        version = told.version;
        takeCounts(told.counts);
        if (!first) {
          list().renew();
          changed();
          place();
        }
        refresh.soon();
      }
    }
    setTimeout(look, LOOK);
  }

  setTimeout(look, LOOK);

  return {
    /**
     * What `begin` tells of the workspace. former: the image that this page had open, if its seat is another one now.
     * @param {ToldWorkspace | null | undefined} told
     * @param {string | null} former
     */
    begin(told, former) {
      workspace.kind = told ? told.kind : null;
      if (!told) return;
      workspace.name = told.name;
      takeCounts(told.counts);
      if (told.kind === "folder") list().renew();
      const image = former || told.last;
      if (state.image) {
        place(); // what was shown before the folder was known
        if (state.stage === "ready") prepareNext();
      } else if (!state.restoring && image) go(image);
    },
    /** The image that was asked for is shown, or another one. */
    shown() {
      const image = state.image ? state.image.home : null;
      if (image === going || !state.opening) going = null;
      if (!workspace.row || workspace.row.image !== image) {
        workspace.row = null;
        workspace.at = null;
        warned = null;
      }
      place();
    },
    /** Opening has failed, or was called off. */
    stayed() {
      going = null;
    },
    /** The open image is encoded. */
    ready: prepareNext,
    /** Its objects are others. */
    place,
    /**
     * Rows of the list as it is filtered.
     * @param {number} offset
     * @param {number} limit
     * @returns {Promise<{count: number, rows: Row[]} | null>}
     */
    rows: (offset, limit) => asks.ask("list", { offset, limit, filter: filter() }),
    /** @param {Row} row */
    open(row) {
      if (row.image !== here() && !isHeld()) go(row.image);
    },
    /** @param {Filter} next */
    filter(next) {
      Object.assign(workspace, { filter: next });
      list().restart();
      place();
      prepareNext();
      refresh.soon();
    },
    /** @param {string} note */
    async note(note) {
      const { row } = workspace;
      if (!row || row.note === note) return;
      const told = await /** @type {typeof asks.change<{row: Row}>} */ (asks.change)("note", { image: row.image, note });
      if (told) takeRow(told.row);
    },
    pace: () => paceText(finished, workspace.counts.todo + workspace.counts.progress, Date.now()),
    /** Whether an image is on its way that nobody was asked to open yet. */
    isGoing: () => going !== null || isAsking,
    commands: {
      "next-image": () => step({ by: 1, todo: false }),
      "previous-image": () => step({ by: -1, todo: false }),
      "next-todo": () => step({ by: 1, todo: true }),
      "previous-todo": () => step({ by: -1, todo: true }),
      done: () => mark("done"),
      skip: () => mark("skipped"),
      "done-and-on": () => markAndGoOn("done"),
      "skip-and-on": () => markAndGoOn("skipped"),
      async "copy-objects"() {
        const image = here();
        if (!isFolder() || !image || !state.image) return;
        const told = await /** @type {typeof asks.ask<{row: Row | null}>} */ (asks.ask)("next", { image, by: -1 });
        if (!told || !state.image || state.image.home !== image) return;
        if (!told.row) return notices.advise("This is the first image; there is none before it.");
        if (told.row.objects === 0) return notices.advise(`${told.row.path} has no objects.`);
        prompting.operate({ action: "copy", image: told.row.image });
      },
    },
  };
}
