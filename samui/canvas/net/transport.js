// The queue to the server: one action in flight, the rest waits in order. Waiting edits of the prompt go out as one
// whole prompt, so that three quick clicks cost two decoder calls at most. Beside it what may be wanted soon is asked
// for: a preview, and the prompt that a gesture would make; one of each in flight, the newest waits, actions go first.

import { foldPrompt } from "../core/state.js";

const PATIENCE = 60000; // ms after which a call counts as lost
export const BACKOFF = [500, 1000, 2000, 4000, 8000]; // ms between attempts

/**
 * call(request): promise of a reply, or of nothing if the server cannot be reached.
 * on: {request(): fields that every request carries, base(): prompt of the server, snaps(): whether it snaps masks to
 * edges, ready(): whether actions may go, reply(reply, sent), hover(reply, sent), prepared(reply), refuse(reply, sent),
 * offline(ms until the next attempt), online()}.
 */
export function createTransport(call, on) {
  let rev = 0;
  let queue = [];
  let flight = null; // {operations, request, began, attempts}
  let waitingHover = null;
  let flyingHover = null;
  let preparing = false;
  let waitingEdit = null; // to be prepared next
  let prepared = null; // {sent: request, reply}, the newest
  const waiting = []; // for all operations to be answered

  const busy = () => flight !== null || queue.length > 0;

  /** Queue an operation {edit} or {action, ...fields}; began: time of the gesture in ms of performance.now(). */
  function push(operation, began) {
    waitingEdit = null;
    queue.push({ ...operation, began: began === undefined ? performance.now() : began });
    next();
  }

  /** Send what waits, if anything may go. */
  function next() {
    if (flight || queue.length === 0 || !on.ready()) return;
    const operations = [queue.shift()];
    while (operations[0].edit && queue.length && queue[0].edit) operations.push(queue.shift());
    const began = operations[operations.length - 1].began;
    flight = { operations, request: compose(operations), began, attempts: 0 };
    waitingHover = null;
    send(flight);
  }

  function compose(operations) {
    if (operations[0].edit) {
      const { points, box } = foldPrompt(on.base(), operations);
      if (points.length === 0 && !box) return stamp({ action: "clear" });
      return stamp({ action: "prompt", points, box });
    }
    const { began, ...fields } = operations[0];
    return stamp(fields);
  }

  function stamp(fields) {
    rev += 1;
    return { ...on.request(), rev, ...fields };
  }

  async function send(sent) {
    sent.sentAt = performance.now();
    const reply = await answer(call(sent.request));
    if (flight !== sent) return; // forgotten meanwhile
    if (!reply) {
      const wait = BACKOFF[Math.min(sent.attempts, BACKOFF.length - 1)];
      sent.attempts += 1;
      on.offline(wait);
      setTimeout(() => flight === sent && send(sent), wait);
      return;
    }
    flight = null;
    sent.roundtrip = performance.now() - sent.sentAt;
    on.online();
    if (reply.ok === false) on.refuse(reply, sent);
    else if (!reply.overtaken) on.reply(reply, sent);
    // What a lost call did on the server is only known by asking.
    else if (queue.length === 0) push({ action: "state" });
    next();
    if (!busy()) rest();
  }

  function rest() {
    waiting.splice(0).forEach((resolve) => resolve());
  }

  /** Ask for the mask under the pointer; at most one such call is out, the newest wins. */
  function hover(x, y) {
    waitingHover = { x, y };
    nextHover();
  }

  async function nextHover() {
    if (!waitingHover || flyingHover || flight || queue.length || !on.ready()) return;
    const { x, y } = waitingHover;
    // Where nothing is snapped, the preview is what a click would bring, and comes with all that a click needs.
    const fields = on.snaps() ? { action: "hover", x, y } : { action: "prepare", points: [[x, y, 1]], box: null };
    const sent = { at: waitingHover, request: stamp(fields) };
    waitingHover = null;
    flyingHover = sent;
    const reply = await answer(call(sent.request));
    flyingHover = null;
    if (isWanted(reply)) {
      if (fields.points) prepared = { sent: sent.request, reply };
      if (!waitingHover && !flight) on.hover(reply, sent);
    }
    nextHover();
  }

  /** Have the server answer the prompt that an edit may make; at most one such call is out, and the newest waits. */
  async function prepare(edit) {
    waitingHover = null;
    waitingEdit = preparing ? edit : null;
    if (busy() || preparing || !on.ready() || foreseen(edit)) return;
    const { points, box } = edit(on.base());
    const sent = stamp({ action: "prepare", points, box });
    preparing = true;
    prepared = null;
    const reply = await answer(call(sent));
    preparing = false;
    if (isWanted(reply)) {
      prepared = { sent, reply };
      on.prepared(reply);
    }
    if (waitingEdit) prepare(waitingEdit);
  }

  /** The answer to the prompt that an edit makes, if it is there before it is asked for; else null. */
  function foreseen(edit) {
    if (!prepared || busy() || !on.ready()) return null;
    const { sent, reply } = prepared;
    const now = on.request();
    if (Object.keys(now).some((key) => now[key] !== sent[key])) return null; // it was about another state
    const { points, box } = edit(on.base());
    return JSON.stringify([points, box]) === JSON.stringify([sent.points, sent.box]) ? reply : null;
  }

  return {
    push,
    next,
    hover,
    prepare,
    foreseen,
    /** What waits to be asked for ahead is not wanted any more. */
    drop: () => (waitingHover = waitingEdit = null),
    /** Forget all that was not answered: another image, another session. */
    forget() {
      queue = [];
      flight = null;
      waitingHover = null;
      rest();
    },
    /** Resolves when the server has answered everything, or nobody waits for it any more. */
    settled: () => (busy() ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve()),
    /** Ask again what was not answered; only edits, since nobody knows whether the rest was done. */
    restart() {
      if (flight) queue.unshift(...flight.operations.filter(({ edit }) => edit));
      flight = null;
      waitingHover = null;
    },
    /** Revisions go on above those that the server has seen of this session. */
    raise: (seen) => (rev = Math.max(rev, seen || 0)),
    /** Operations without an answer, oldest first. */
    unanswered: () => (flight ? [...flight.operations, ...queue] : queue),
    busy,
  };
}

/** Whether a reply brings what was asked for. */
function isWanted(reply) {
  return Boolean(reply) && reply.ok !== false && !reply.overtaken;
}

/** Reply of a call, or null if it failed, timed out or is no envelope. */
export function answer(promise) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), PATIENCE);
    Promise.resolve(promise).then(
      (reply) => {
        clearTimeout(timer);
        resolve(reply && typeof reply === "object" && "ok" in reply ? reply : null);
      },
      () => {
        clearTimeout(timer);
        resolve(null);
      },
    );
  });
}
