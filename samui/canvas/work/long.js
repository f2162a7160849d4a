// Long work: opening an image, loading a model, writing a file. Each is a queued event that reports its steps.

import { rememberSource } from "../net/token.js";
import { createSilence } from "../net/silence.js";

/** @import { OpenImage, Stage, Step } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Source } from "../core/held.js" */
/** @import { Requests, Work } from "../net/requests.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Panel } from "../show/panel.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { Bringing } from "./bringing.js" */
/** @import { Finding } from "./finding.js" */
/** @import { ImageOfPage } from "./image.js" */
/** @import { Back } from "./restore.js" */
/** @import { Seat } from "./seat.js" */

/** @typedef {ReturnType<typeof createLongWork>} LongWork */
/** @typedef {"opening" | "loading" | "saving"} Flag */

const OVER = new Set(["error", "saved", "ready", "cancelled"]);
/** @type {{[event: string]: string}} */
const STARTS = { open: "Opening the image.", model: "Loading the model.", save: "Writing the file." };
/** @type {{[event: string]: Flag}} */
const FLAGS = { open: "opening", model: "loading", save: "saving" };
const NOT_CANCELLED = "The server cannot be reached, so this was not cancelled.";
const ASK_AGAIN = "The server did not know this page any more. Your work goes back to it; then ask once more.";
const NO_ANSWER = "The server does not answer. Try again.";

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Requests} parts.requests
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {Panel} parts.panel
 * @param {ImageOfPage} parts.image
 * @param {Seat} parts.seat
 * @param {Finding} parts.finding
 * @param {Pick<Bringing, "take">} parts.bringing
 * @param {Back} parts.restore
 * @param {(file: File) => Promise<{path: string}>} parts.upload
 * @param {() => void} parts.stayed  opening has ended without another image
 */
export function createLongWork({
  state, transport, requests, notices, refresh, panel, image, seat, finding, bringing, restore, upload, stayed,
}) {
  let openings = 0; // of two opens that are on their way only the newer one counts
  /** @type {Source | null} */
  let source = null; // of the image that was asked for last
  /** @type {Source | null} */
  let next = null; // that is opened once the page has back what it held
  let unwanted = false; // the work was cancelled, and has not ended yet
  const silence = createSilence({
    waits: () => waiting().length > 0,
    ask: async () => unwanted || image.encodes() || (await seat.hasMoved()),
    catchUp,
    giveUp,
  });

  /**
   * How each stage of a step is shown; all other stages advance the image or the model.
   * @type {{[stage: string]: (step: Step) => void}}
   */
  const STAGES = {
    error: fail,
    cancelled: endCancelled,
    saved: download,
    downloading: (step) => notices.work(`Downloading ${step.name}`, step),
    reading: () => notices.work("Reading the image."),
    loading: () => notices.work("Loading the model."),
  };

  /**
   * Start long work.
   * @param {"open" | "model" | "save"} name
   * @param {object} fields
   */
  function send(name, fields) {
    notices.complain("");
    unwanted = false;
    state[FLAGS[name]] = true;
    if (name === "open") {
      openings += 1;
      state.sending = false;
    }
    notices.work(STARTS[name]);
    requests.send(name, fields);
    silence.begin();
    refresh.changed();
  }

  /**
   * Names of the events whose end is not known yet.
   * @returns {Work[]}
   */
  function waiting() {
    /** @type {Work[]} */
    const names = [];
    if ((state.opening && !state.sending) || image.encodes()) names.push("open");
    if (state.loading) names.push("model");
    if (state.saving) names.push("save");
    return names;
  }

  function giveUp() {
    for (const event of waiting()) fail({ event, stage: "error", serial_event: 0, error: NO_ANSWER });
  }

  /** The connection for events may be dead while calls still go through: take what the server has instead. */
  function catchUp() {
    // Unwanted work stays unwanted, since its turn may still come.
    state.opening = state.sending;
    state.loading = false;
    if (image.encodes()) seat.poll();
    else seat.begin();
  }

  /**
   * Open an image.
   * @param {Source} from
   * @param {object} fields  of the event
   */
  function open(from, fields) {
    source = from;
    send("open", fields);
  }

  /** Cancel what is being sent, opened or loaded. */
  async function abandon() {
    if (state.sending) {
      openings += 1;
      state.sending = false;
      state.opening = false;
      notices.work("");
      return image.enter(state.stage);
    }
    const before = notices.step();
    unwanted = true;
    notices.work("Cancelling.");
    await callOff(before);
  }

  /**
   * Tell the server that its work is unwanted; if the server cannot be told, the work goes on.
   * @param {string} step  to show then
   */
  async function callOff(step) {
    if ((await seat.abandon()) || !unwanted) return;
    unwanted = false;
    notices.work(step);
    notices.complain(NOT_CANCELLED);
  }

  /**
   * Send an image file and open it.
   * @param {File | null | undefined} file
   */
  async function openFile(file) {
    if (!file) return;
    notices.complain("");
    state.opening = true;
    state.sending = true;
    notices.work("Sending the image.");
    openings += 1;
    const mine = openings;
    try {
      const { path } = await upload(file);
      if (mine !== openings) return;
      open({ file, name: file.name }, { file: { path, meta: { _type: "gradio.FileData" }, orig_name: file.name } });
    } catch (failure) {
      if (mine !== openings) return;
      state.opening = false;
      state.sending = false;
      notices.work("");
      const why = failure instanceof Error ? failure.message : failure;
      if (!restore.failed({ event: "open", stage: "error", serial_event: 0 })) {
        notices.complain(`${file.name}: could not be sent. ${why}`);
      }
    }
  }

  /**
   * Open an image that was open before. Whether the page knows how.
   * @param {Source} from
   */
  function openAgain(from) {
    if (from.image) open(from, { image: from.image });
    else if (from.sample) open(from, { sample: from.sample });
    else if (from.file) openFile(new File([from.file], from.name || "image", { type: from.file.type }));
    else return false;
    return true;
  }

  /**
   * Save once the server has answered everything, so that the file holds what the page shows.
   * @param {object} request
   */
  async function save(request) {
    if (state.saving) return;
    state.saving = true;
    refresh.changed();
    const { epoch } = state;
    await transport.settled();
    state.saving = false;
    if (epoch !== state.epoch || state.objects.length === 0) return refresh.changed();
    send("save", { ...request, epoch });
    if (state.mask) notices.advise("The current mask is not in the file; Enter keeps it as an object.");
  }

  /**
   * One step of long work, as the handlers yield them.
   * @param {Step | null | undefined} step
   */
  function take(step) {
    if (!requests.isNew(step)) return;
    if (step.event === "everything" && step.stage !== "error") return finding.take(step);
    if (step.event === "bring") return bringing.take(step);
    silence.heard();
    if (step.event !== "life" && isMeant(step)) takeStage(step);
  }

  /**
   * Whether a step belongs to wanted work; an end counts only for the newest request.
   * @param {Step} step
   */
  function isMeant(step) {
    if (step.stage === "error" || step.stage === "cancelled") return requests.isNewest(step);
    if (OVER.has(step.stage) || !unwanted) return true;
    callOff(STARTS[step.event] || ""); // it was waiting for its turn
    return false;
  }

  /** @param {Step} step */
  function takeStage(step) {
    const over = OVER.has(step.stage);
    if (over && step.model) state.settings = { ...state.settings, model: step.model };
    if (step.timings) state.timings = { ...state.timings, ...step.timings };
    const stage = STAGES[step.stage];
    if (stage) stage(step);
    else if ((step.epoch ?? state.epoch) >= state.epoch && !advance(step, over)) return;
    if (over) {
      unwanted = false;
      requests.rest();
      silence.begin(); // for other work still waited for
    }
    refresh.changed();
  }

  /**
   * The image or the model has advanced; false if the page must ask for everything.
   * @param {Step} step
   * @param {boolean} over
   */
  function advance(step, over) {
    state.opening = false;
    if (over && step.event === "model") state.loading = false;
    if (step.image) {
      image.show(step.image, step.epoch ?? state.epoch);
      if (requests.isNewest(step) && step.event === "open") state.source = sourceOf(step.image, source);
      rememberSource(step.image, state.source);
    } else if (step.epoch !== undefined && step.epoch !== state.epoch) {
      seat.begin();
      return false;
    }
    if (step.event === "open" && step.stage === "ready") arrive(step);
    else enter(step);
    return true;
  }

  /** @param {Step} step */
  function enter(step) {
    if (step.state) seat.takeState(step.state);
    image.enter(/** @type {Stage} */ (step.stage));
  }

  function openNext() {
    if (!next || state.restoring) return;
    const waited = next;
    next = null;
    openAgain(waited);
  }

  /**
   * The image is there: what the page holds of it goes before what the server has.
   * @param {Step} step
   */
  async function arrive(step) {
    if (!(await restore.arrived(step)) && step.epoch === state.epoch) enter(step);
    openNext();
  }

  /**
   * The cancelled work has ended; the server has what it had before.
   * @param {Step} step
   */
  function endCancelled(step) {
    endFlag(step.event);
    notices.work("");
    if (step.event === "open" && restore.failed(step)) return;
    if (step.event === "model") image.enter(restingStage());
    else if (step.epoch === state.epoch) image.enter(state.stage);
    else seat.begin();
  }

  /** @param {Step} step */
  function fail(step) {
    notices.complain(step.kind === "session" ? "" : step.error || "That did not work.");
    endFlag(step.event);
    if (step.event === "open" && restore.failed(step) && step.kind !== "session") return notices.work("");
    if (step.event === "everything") state.found.running = false;
    notices.work("");
    if (step.kind === "session") beginAnew(step);
    else image.enter(restingStage());
  }

  /**
   * The seat has gone: what was asked of it comes after what was in it.
   * @param {Step} step
   */
  function beginAnew(step) {
    if (step.event === "open" && !state.restoring) next = source;
    else if (step.event !== "open") notices.complain(ASK_AGAIN);
    seat.begin();
  }

  /** @param {string} event */
  function endFlag(event) {
    const flag = FLAGS[event];
    if (flag) state[flag] = false;
    if (event === "open") stayed();
    if (event === "model") panel.resetModel();
  }

  /** The stage after work that failed or was cancelled. If encoding failed, the next click tries it again. */
  function restingStage() {
    return image.encodes() ? "ready" : state.stage;
  }

  /** @param {Step} step */
  function download(step) {
    state.saving = false;
    notices.work("");
    const link = document.createElement("a");
    link.href = new URL(step.url || "", document.baseURI).href;
    link.download = step.filename || "";
    link.click();
  }

  return {
    take,
    openFile,
    abandon,
    save,
    /** @param {string} sample */
    openSample: (sample) => open({ sample }, { sample }),
    openAgain,
    openNext,
    /** @param {string} kept  an image of the folder or the library */
    openKept: (kept) => open({ image: kept }, { image: kept }),
    /** @param {string} model */
    loadModel(model) {
      if (model) send("model", { model });
    },
  };
}

/**
 * Where an image can be had again: from the server where that keeps it, or as it came.
 * @param {OpenImage} image
 * @param {Source | null} source
 * @returns {Source | null}
 */
function sourceOf({ home, name }, source) {
  return home ? { ...source, image: home, name } : source;
}
