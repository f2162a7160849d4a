// The glue: begins the session, turns gestures into operations, replies into the state, and the state into the page.

import { durationText } from "./core/texts.js";
import { readMask } from "./core/mask.js";
import { applyReply, createState, edits, foldPrompt, forgetWork, median, rememberTimings } from "./core/state.js";
import { recall, remember } from "./net/token.js";
import { BACKOFF, answer, createTransport } from "./net/transport.js";
import { createWork } from "./net/work.js";
import { createEverything } from "./show/everything.js";
import { createFacade } from "./show/facade.js";
import { createPanel } from "./show/panel.js";
import { loadPicture, pictureName } from "./show/picture.js";
import { createToolbar } from "./show/toolbar.js";
import { createView } from "./show/view.js";
import { createKeys } from "./tools/keys.js";
import { createPointer } from "./tools/pointer.js";

const SLOW_DECODE = 150; // ms; above this what is decoded on suspicion only makes the clicks wait
const POLL = 2000; // ms between questions about an encoding that another page began

export function startCanvas(element, { trigger, props, server, upload, watch }) {
  const root = element.querySelector(".samui");
  const canvas = root.querySelector("#samui-canvas");
  const state = createState(props.settings || {});
  const transport = createTransport((request) => server.act(request), {
    request: () => ({ session: state.session, epoch: state.epoch, seen: state.serial }),
    base: () => state.base,
    snaps: () => state.snap,
    ready: () => Boolean(state.session) && state.stage === "ready",
    reply: takeReply,
    hover: takeHover,
    prepared: ({ timings: { decode, ahead } }) => rememberTimings(state, { decode, ahead }),
    refuse: takeRefusal,
    offline: loseServer,
    online: findServer,
  });
  const prompt = () => state.draft || foldPrompt(state.base, transport.unanswered());
  const view = createView(root, state, prompt);
  let beginning = false;
  let polling = 0; // timer
  let attempts = 0;
  let forcedHover = false; // turned on by hand: slowness no longer turns it off
  let panelAsked = 0;
  let refused = false; // whether what the page complains about is an action that was refused
  let lastFound = null; // id of the found mask that the last click kept

  const act = {
    edit(edit, began) {
      state.hover = state.mask ? null : state.hover; // the preview stays until the answer replaces it
      transport.drop();
      const reply = transport.foreseen(edit);
      if (reply) return showForeseen(reply, edit, began);
      transport.push({ edit }, began);
      changed();
    },
    operate(operation, began) {
      if (!state.image) return;
      transport.push(operation, began);
      changed();
    },
    /** Reopen an object; instead: the prompt from before the first of two clicks. */
    reopen(id, began, instead) {
      if (instead) transport.push({ edit: edits.replace(instead) }, began);
      act.operate({ action: "reopen", object: id }, began);
      canvas.focus({ preventScroll: true });
    },
    prompting() {
      const { points, box } = prompt();
      return points.length > 0 || box !== null;
    },
    withBox: (box) => ({ ...foldPrompt(state.base, transport.unanswered()), box }),
    undo: () => act.operate({ action: "undo" }),
    redo: () => act.operate({ action: "redo" }),
    clear() {
      state.selected = null;
      if (act.prompting() || state.mask) act.operate({ action: "clear" });
    },
    accept() {
      const last = transport.unanswered().slice(-1)[0];
      if ((last && last.action === "accept") || (!state.can.accept && !act.prompting())) return;
      state.selected = null;
      act.operate({ action: "accept", label: panel.label() });
    },
    choose(index) {
      if (index < state.candidates.length) act.operate({ action: "choose", candidate: index });
    },
    nextCandidate: () => act.choose(((state.candidate === null ? -1 : state.candidate) + 1) % state.candidates.length),
    show: (object, visible) => act.operate({ action: "show", object, visible }),
    relabel: (object, label) => act.operate({ action: "relabel", object, label }),
    recolour: (object, colour) => act.operate({ action: "recolour", object, colour }),
    delete: (object) => act.operate({ action: "delete", object }),
    snap: () => act.operate({ action: "snap", on: !state.snap }),
    include: () => mean(true),
    exclude: () => mean(false),
    toggleInclude: () => mean(!state.include),
    hover() {
      state.hovering = !state.hovering;
      forcedHover = state.hovering;
      toolbar.advise("");
      act.leave();
      changed();
    },
    hoverAt(at) {
      if (state.found.on) return everything.over(at);
      if (state.hovering && !act.prompting() && !state.mask) transport.hover(at.x, at.y);
    },
    /** This edit may follow when the button is released. calls: of the decoder, at most. */
    prepare(edit, calls) {
      if (median(state.decodes) * calls <= SLOW_DECODE) transport.prepare(edit);
    },
    leave() {
      transport.drop();
      if (state.found.on) everything.over(null);
      if (!state.hover) return;
      state.hover = null;
      view.ask("mask");
    },
    outline() {
      state.outline = !state.outline;
      view.ask("mask", "objects", "found");
      changed();
    },
    opacity(value) {
      state.opacity = value;
      view.ask("mask", "objects", "found");
    },
    "zoom-in": () => zoomed(() => view.zoomBy(1)),
    "zoom-out": () => zoomed(() => view.zoomBy(-1)),
    fit: () => zoomed(view.fit),
    actual: () => zoomed(view.actualSize),
    back: () => act.operate({ action: "back" }),
    help: () => root.querySelector("dialog").showModal(),
    "close-help": () => root.querySelector("dialog").close(),
    dismiss: () => toolbar.complain(""),
    "dismiss-hint": () => toolbar.advise(""),
    open: () => root.querySelector(".file").click(),
    abandon: () => work.abandon(),
    openSample: (name) => work.send("open", { sample: name }),
    save: () => work.saveAs(panel.request()),
    saveObject: (object) => work.saveAs(panel.request(object)),
    model: (name) => name && work.send("model", { model: name }),
    foundClick(at, add, twice) {
      if (twice && lastFound !== null && !state.found.picking) return everything.refine(lastFound);
      const mask = everything.click(at, add);
      lastFound = mask && !add ? mask.id : null;
    },
    foundKey: (key, onCanvas) => everything.key(key, onCanvas),
    label: () => panel.label(),
    focus: () => canvas.focus({ preventScroll: true }),
    "load-model": () => act.model(panel.modelName()),
    changed,
  };
  const toolbar = createToolbar(root, state, view, act);
  const panel = createPanel(root, state, act);
  const pointer = createPointer(canvas, state, view, prompt, act);
  const page = {
    begin,
    poll,
    settled: transport.settled,
    showImage,
    takeState,
    enter,
    changed: updateSoon,
    find: (step) => everything.take(step),
    async moved() {
      const reply = await answer(server.act({ session: state.session, epoch: state.epoch, rev: 0, action: "state" }));
      return Boolean(reply) && ["epoch", "session"].includes(reply.kind);
    },
    abandon: () => server.act({ session: state.session, epoch: state.epoch, rev: 0, action: "abandon" }),
  };
  const work = createWork(root, state, toolbar, panel, page, { props, trigger, upload });
  const everything = createEverything(root, state, view, act, work.send);
  Object.assign(act, everything.actions);
  createKeys(root, canvas, state, view, pointer, act);

  function mean(include) {
    state.include = include;
    changed();
  }

  function zoomed(change) {
    change();
    updateSoon();
  }

  /** The prompt or an option changed on the page: draw it, and show it in toolbar and panel. */
  function changed() {
    view.ask("prompt");
    updateSoon();
  }

  function updateSoon() {
    if (!panelAsked) panelAsked = requestAnimationFrame(update);
  }

  function update() {
    cancelAnimationFrame(panelAsked);
    panelAsked = 0;
    toolbar.update(transport.busy());
    panel.update();
    everything.update();
  }

  /** A reply to an action: paint at once, then the rest of the page. */
  function takeReply(reply, sent) {
    if (reply.epoch !== state.epoch || (reply.rev || 0) < state.rev) return;
    if (reply.moved) {
      transport.forget();
      toolbar.advise("");
      begin();
      return;
    }
    if (refused && sent.request.action !== "state") {
      refused = false;
      toolbar.complain("");
    }
    const began = performance.now();
    const difference = applyReply(state, reply);
    const layers = ["prompt"];
    if (difference.mask) layers.push("mask");
    if (difference.objects) layers.push("objects", "found");
    if (difference.found) layers.push("found", "mask");
    const { points } = prompt();
    if (typeof state.selected === "number" && state.selected >= points.length) state.selected = null;
    view.paint(...layers);
    const painted = performance.now();
    state.timings.roundtrip = sent.roundtrip;
    if (!sent.operations.some(({ shown }) => shown)) {
      state.timings.paint = painted - began;
      state.timings.total = painted - sent.began;
    }
    updateSoon();
  }

  /** The answer to an edit is there before the edit is sent: paint its mask. The prompt follows with the answer. */
  function showForeseen(reply, edit, began) {
    const { candidates, candidate, mask, can, serial, timings } = reply;
    const start = performance.now();
    applyReply(state, { candidates, candidate, mask, can, serial });
    transport.push({ edit, shown: true }, began);
    view.paint("mask", "prompt");
    const painted = performance.now();
    Object.assign(state.timings, timings, { paint: painted - start, total: painted - began });
    updateSoon();
  }

  function takeHover(reply, sent) {
    if (reply.epoch !== state.epoch || act.prompting() || state.mask || !state.hovering) return;
    const { decode, ahead } = reply.timings;
    rememberTimings(state, { decode, ahead });
    const { mask, score } = reply.hover || { mask: reply.mask, score: reply.candidates[reply.candidate].score };
    if (!mask) return;
    state.hover = { mask: readMask(mask), score, at: sent.at };
    view.paint("mask");
    const middle = median(state.decodes);
    if (!forcedHover && state.decodes.length >= 3 && middle > SLOW_DECODE) {
      state.hovering = false;
      act.leave();
      toolbar.advise(`The hover preview is off: the decoder takes ${durationText(middle)} here. H turns it on.`);
      updateSoon();
    }
  }

  /** The server refused an action: say why, and go back to what the server has. */
  function takeRefusal(reply, sent) {
    if (reply.kind === "session") {
      transport.forget();
      begin(`${reply.error} A new session has begun; open the image again.`);
    } else if (sent.request.epoch !== state.epoch || (reply.kind === "epoch" && state.opening)) {
      return; // it was about the image before, and what is new is on its way
    } else if (reply.kind === "epoch") {
      transport.forget();
      begin();
    } else {
      toolbar.complain(reply.error);
      refused = true;
      if (sent.request.action !== "state") transport.push({ action: "state" });
    }
    changed();
  }

  function loseServer(wait) {
    state.offline = true;
    toolbar.complain(`The server cannot be reached. Your work is kept; next attempt in ${durationText(wait)}.`);
  }

  function findServer() {
    if (!state.offline) return;
    state.offline = false;
    toolbar.complain("");
  }

  /** Begin or resume a session; message: what to tell when that is done. */
  async function begin(message) {
    if (beginning) return;
    beginning = true;
    const token = state.session || recall();
    const reply = await answer(server.begin({ session: token }));
    beginning = false;
    if (!reply || reply.ok === false) {
      const wait = BACKOFF[Math.min(attempts, BACKOFF.length - 1)];
      attempts += 1;
      if (reply) toolbar.complain(reply.error);
      else loseServer(wait);
      setTimeout(() => begin(message), wait);
      return;
    }
    attempts = 0;
    findServer();
    adopt(reply);
    takeWork(reply);
    if (reply.stage === "encoding") polling = setTimeout(poll, POLL);
    if (message) toolbar.complain(message);
    else if (token && !reply.resumed) toolbar.complain("The earlier session has ended; open the image again.");
  }

  /** Everything about the image and the work on it, from begin. */
  function takeWork(reply) {
    transport.raise(reply.rev);
    showImage(reply.image, reply.epoch);
    state.rev = 0;
    applyReply(state, reply);
    enter(reply.stage);
    view.paint("mask", "objects", "found", "prompt");
    update();
  }

  /** Show another image, or none; what belonged to the one before is forgotten. */
  function showImage(image, epoch) {
    const same = Boolean(state.image && image) && pictureName(state.image) === pictureName(image);
    if (same) {
      // Another epoch of the same image is another model: the work stays, and what was asked of the old one is void.
      if (epoch !== state.epoch) {
        transport.restart();
        state.found.running = false;
      }
      state.epoch = epoch;
      state.serial = 0;
      return;
    }
    const left = state.image && state.objects.length > 0 ? `The objects of ${state.image.name} are kept.` : "";
    state.epoch = epoch;
    transport.forget();
    pointer.cancel();
    forgetWork(state);
    state.image = image || null;
    view.show(null);
    view.resize();
    view.fit();
    view.ask("mask", "objects", "found", "prompt");
    if (!image) return;
    canvas.setAttribute("aria-label", `Image canvas, ${image.name || "image"}`);
    toolbar.advise([...(image.notes || []), left].filter(Boolean).join(" "), Boolean(left));
    loadPicture(new URL(image.url, document.baseURI).href).then(
      (picture) => {
        if (state.image !== image) return;
        view.show(picture);
        toolbar.redrawStrip();
        updateSoon();
      },
      () => state.image === image && toolbar.complain("The picture could not be shown; its masks still can."),
    );
  }

  /** Enter a stage; work that waited for "ready" is sent. */
  function enter(stage) {
    state.stage = state.image ? stage : "empty";
    const kept = "Clicks are kept and answered then.";
    if (stage === "image" || stage === "encoding") {
      toolbar.work(`Encoding the image. ${kept}`);
    } else if (stage !== "reading" && !state.opening) toolbar.work("");
    if (stage === "ready") transport.next();
    updateSoon();
  }

  /** A page that gets no events about its image being encoded asks: it came back, or lost the line that brings them. */
  async function poll() {
    clearTimeout(polling);
    if (state.stage !== "image" && state.stage !== "encoding") return;
    const reply = await answer(server.begin({ session: state.session }));
    if (reply && reply.ok !== false) {
      adopt(reply);
      if (reply.stage !== "encoding") return takeWork(reply);
    }
    polling = setTimeout(poll, POLL);
  }

  /** Keep the token of an answer of begin; each one replaces the one before. */
  function adopt(reply) {
    state.session = reply.session;
    remember(reply.session);
    props.value = { session: reply.session };
    state.settings = { ...state.settings, ...reply.settings };
  }

  function takeState(reply) {
    if (reply.epoch !== state.epoch) return;
    transport.raise(reply.rev);
    applyReply(state, reply);
    view.paint("mask", "objects", "found", "prompt");
  }

  createFacade(canvas, state, prompt, () => !state.session || beginning || transport.busy());

  watch("reply", () => work.takeEvent(props.reply));
  toolbar.offerSamples(props.samples || []);
  view.follow();
  update();
  begin();
}
