// The queue to the server: one action in flight, the rest waits in order, and each stays until it is answered. Waiting
// edits of the prompt go out as one whole prompt, so that three quick clicks cost two decoder calls at most. Actions
// have names, by which a server knows one that comes again. Beside it what may be wanted soon is asked
// for: a preview, and the prompt that a gesture would make; one of each in flight, the newest waits, actions go first.

import { newId } from "../core/ids.js";
import { buildsOn, foldPrompt, isPrompt, samePrompt } from "../core/prompt.js";
import { answer, waitAfter } from "./calls.js";

/** @import { Point, Prompt, Refusal, Reply, Request } from "../core/messages.js" */
/** @import { Edit, Operation } from "../core/prompt.js" */
/** @import { At } from "../core/geometry.js" */

/**
 * What the transport must know of the page.
 * @typedef {object} Facts
 * @property {() => {token: string | null, epoch: number, seen: number}} request  fields that every request carries
 * @property {() => Prompt} base  prompt of the server
 * @property {() => boolean} snaps  whether the server snaps masks to edges
 * @property {() => boolean} ready  whether actions may go
 */

/**
 * Operations that were sent as one request.
 * @typedef {object} Sent
 * @property {Operation[]} operations
 * @property {Request} request
 * @property {number} began  when the last gesture began, ms of performance.now()
 * @property {number} failures
 * @property {number} unheard  failures of them while the server answered something else
 * @property {number} sentAt
 * @property {number} roundtrip  ms
 */
/** @typedef {{at: At, request: Request}} SentPreview */

/**
 * Who hears of what comes back.
 * @typedef {object} Listener
 * @property {(reply: Reply, sent: Sent) => void} reply
 * @property {(refusal: Refusal, sent: Sent, left: number) => void} refuse  left: how many that waited were left out
 * @property {(reply: Reply, sent: SentPreview) => void} hover
 * @property {(reply: Reply) => void} prepared
 * @property {(wait: number) => void} offline  ms until the next attempt
 * @property {() => void} online
 */

/** @typedef {ReturnType<typeof createTransport>} Transport */

const PROBE_PATIENCE = 5000; // ms
const QUICK = 10000; // ms; what fails later may be a proxy that did not wait, and its answer may come yet
const UNHEARD = 2; // so often may a call fail while others do not, before it counts as refused
const REFUSED = "The server does not take this step, so it was left out.";
const AGAIN = new Set(["session", "epoch"]); // kinds of refusals that are of the seat, not of what was asked

/**
 * @param {(request: Request) => unknown} call  promise of an answer, or of nothing
 * @param {Facts} facts
 */
export function createTransport(call, facts) {
  let rev = 0;
  /** @type {Operation[]} */
  let queue = [];
  /** @type {Sent | null} */
  let flight = null;
  /** @type {At | null} */
  let waitingHover = null;
  let hoverIsOut = false;
  let preparing = false;
  /** @type {Edit | null} */
  let waitingEdit = null; // to be prepared next
  /** @type {{request: Request, reply: Reply} | null} */
  let prepared = null; // the newest
  /** @type {(() => void)[]} */
  const waiting = []; // for all operations to be answered
  /** @type {Listener} */
  let listener;

  const busy = () => flight !== null || queue.length > 0;

  /**
   * Queue an operation. A gesture that was foreseen has been shown already.
   * @param {Operation} operation
   * @param {number} [began]  ms of performance.now()
   */
  function push(operation, began = performance.now()) {
    waitingEdit = null;
    queue.push({ ...operation, ...(operation.action && { op: newId() }), began });
    next();
  }

  /** Send what waits, if anything may go. */
  function next() {
    if (flight || !facts.ready()) return;
    const first = queue.shift();
    if (!first) return;
    const operations = [first];
    while (first.edit && queue.length && queue[0].edit) operations.push(.../** @type {[Operation]} */ ([queue.shift()]));
    const began = operations[operations.length - 1].began || 0;
    flight = { operations, request: compose(operations), began, failures: 0, unheard: 0, sentAt: 0, roundtrip: 0 };
    waitingHover = null;
    send(flight);
  }

  /** @param {Operation[]} operations */
  function compose(operations) {
    const { began: _, action = "", edit, ...fields } = operations[0];
    if (!edit) return stamp({ action, ...fields });
    const prompt = foldPrompt(facts.base(), operations);
    return stamp(isPrompt(prompt) ? { action: "prompt", points: prompt.points, box: prompt.box } : { action: "clear" });
  }

  /**
   * @param {{action: string, points?: Point[], box?: Prompt["box"], [field: string]: unknown}} fields
   * @returns {Request}
   */
  function stamp(fields) {
    rev += 1;
    return { ...facts.request(), rev, ...fields };
  }

  /** @param {Sent} sent */
  async function send(sent) {
    sent.sentAt = performance.now();
    const told = await answer(() => call(sent.request));
    if (flight !== sent) return; // forgotten meanwhile
    if (told) take(told, sent);
    else await retry(sent);
  }

  /**
   * A call brought nothing. Where the server answers another one, it is this one that it does not take: it would stand
   * before all others for ever.
   * @param {Sent} sent
   */
  async function retry(sent) {
    const took = performance.now() - sent.sentAt;
    sent.failures += 1;
    const heard = await answer(() => call({ ...facts.request(), rev: 0, action: "state" }), PROBE_PATIENCE);
    if (flight !== sent) return;
    if (heard && heard.ok === false && AGAIN.has(heard.kind)) return take(heard, sent); // another server, another seat
    if (heard && took < QUICK) sent.unheard += 1;
    if (sent.unheard >= UNHEARD) return take({ ok: false, kind: "call", error: REFUSED }, sent);
    const wait = waitAfter(sent.failures);
    if (!heard) listener.offline(wait);
    setTimeout(() => flight === sent && send(sent), wait);
  }

  /**
   * @param {Reply | Refusal} told
   * @param {Sent} sent
   */
  function take(told, sent) {
    flight = null;
    sent.roundtrip = performance.now() - sent.sentAt;
    listener.online();
    if (told.ok === false) refuse(told, sent);
    else if (!told.overtaken) listener.reply(told, sent);
    // What a lost call did on the server is only known by asking.
    else if (queue.length === 0) push({ action: "state" });
    next();
    if (!busy()) rest();
  }

  /**
   * What builds on a step that was refused would do something else than was meant: it is left out.
   * @param {Refusal} told
   * @param {Sent} sent
   */
  function refuse(told, sent) {
    if (AGAIN.has(told.kind)) {
      if (sent.request.epoch === facts.request().epoch) queue.unshift(...sent.operations);
      return listener.refuse(told, sent, 0);
    }
    const waited = queue.length;
    if (sent.operations.some(buildsOn)) queue = queue.filter((operation) => !buildsOn(operation));
    listener.refuse(told, sent, waited - queue.length);
  }

  function rest() {
    waiting.splice(0).forEach((resolve) => resolve());
  }

  /**
   * Ask for the mask under the pointer; at most one such call is out, the newest wins.
   * @param {number} x  image px
   * @param {number} y
   */
  function hover(x, y) {
    waitingHover = { x, y };
    nextHover();
  }

  async function nextHover() {
    if (!waitingHover || hoverIsOut || busy() || !facts.ready()) return;
    const at = waitingHover;
    /** @type {Point[]} */
    const points = [[at.x, at.y, 1]];
    // Where nothing is snapped, the preview is what a click would bring, and comes with all that a click needs.
    const snaps = facts.snaps();
    const request = stamp(snaps ? { action: "hover", ...at } : { action: "prepare", points, box: null });
    waitingHover = null;
    hoverIsOut = true;
    const reply = await answer(() => call(request));
    hoverIsOut = false;
    if (isWanted(reply)) {
      if (!snaps) prepared = { request, reply };
      if (!waitingHover && !flight) listener.hover(reply, { at, request });
    }
    nextHover();
  }

  /**
   * Have the server answer the prompt that an edit may make; at most one such call is out, and the newest waits.
   * @param {Edit} edit
   */
  async function prepare(edit) {
    waitingHover = null;
    waitingEdit = preparing ? edit : null;
    if (busy() || preparing || !facts.ready() || foreseen(edit)) return;
    const { points, box } = edit(facts.base());
    const request = stamp({ action: "prepare", points, box });
    preparing = true;
    prepared = null;
    const reply = await answer(() => call(request));
    preparing = false;
    if (isWanted(reply)) {
      prepared = { request, reply };
      listener.prepared(reply);
    }
    if (waitingEdit) prepare(waitingEdit);
  }

  /**
   * The answer to the prompt that an edit makes, if it is there before it is asked for; else null.
   * @param {Edit} edit
   */
  function foreseen(edit) {
    if (!prepared || busy() || !facts.ready()) return null;
    const { request, reply } = prepared;
    const { token, epoch, seen } = facts.request();
    if (request.token !== token || request.epoch !== epoch || request.seen !== seen) return null; // another state
    return samePrompt(request, edit(facts.base())) ? reply : null;
  }

  return {
    push,
    next,
    /**
     * Ask for something beside the queue, which changes nothing on the server and overtakes nothing.
     * @param {{action: string, points?: Point[], box?: Prompt["box"], close_ups?: boolean}} fields
     * @returns {Promise<Reply | Refusal | null>}
     */
    aside: (fields) => answer(() => call({ ...facts.request(), rev: 0, ...fields })),
    hover,
    prepare,
    foreseen,
    busy,
    /**
     * Before anything is asked for: who hears of it.
     * @param {Listener} given
     */
    listen(given) {
      listener = given;
    },
    /** What waits to be asked for ahead is not wanted any more. */
    drop() {
      waitingHover = waitingEdit = null;
    },
    /** Forget all that was not answered: another image, another session. */
    forget() {
      queue = [];
      flight = null;
      waitingHover = null;
      rest();
    },
    /** Ask again what was not answered: another model, another seat. */
    restart() {
      if (flight) queue.unshift(...flight.operations);
      flight = null;
      waitingHover = null;
    },
    /**
     * Others instead of those without an answer, none of which may be in flight.
     * @param {Operation[]} operations
     */
    replace(operations) {
      queue = operations.map((operation) => ({ ...(operation.action && { op: newId() }), ...operation }));
      if (!busy()) rest();
    },
    /**
     * Resolves when the server has answered everything, or nobody waits for it any more.
     * @returns {Promise<void>}
     */
    settled: () => (busy() ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    /**
     * Revisions go on above those that the server has seen of this session.
     * @param {number} [seen]
     */
    raise(seen) {
      rev = Math.max(rev, seen || 0);
    },
    /** Operations without an answer, oldest first. */
    unanswered: () => (flight ? [...flight.operations, ...queue] : queue),
  };
}

/**
 * Whether a reply brings what was asked for.
 * @param {Reply | Refusal | null} reply
 * @returns {reply is Reply}
 */
function isWanted(reply) {
  return reply !== null && reply.ok && !reply.overtaken;
}
