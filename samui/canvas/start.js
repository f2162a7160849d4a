// Puts the page together: each part is given the parts that it works with, which already exist by then.

import { foldPrompt } from "./core/prompt.js";
import { createState } from "./core/state.js";
import { createRequests } from "./net/requests.js";
import { createTransport } from "./net/transport.js";
import { find } from "./show/dom.js";
import { createEverything } from "./show/everything.js";
import { createFacade } from "./show/facade.js";
import { createLabel } from "./show/label.js";
import { createNotices } from "./show/notices.js";
import { createObjects } from "./show/objects.js";
import { createPanel } from "./show/panel.js";
import { createRefresh } from "./show/refresh.js";
import { offerSamples } from "./show/samples.js";
import { createStrip } from "./show/strip.js";
import { createToolbar } from "./show/toolbar.js";
import { createView } from "./show/view.js";
import { createCursor } from "./tools/cursor.js";
import { acceptFiles } from "./tools/files.js";
import { createKeys } from "./tools/keys.js";
import { createPointer } from "./tools/pointer.js";
import { createAnswers } from "./work/answers.js";
import { createCloser } from "./work/closer.js";
import { createFinding } from "./work/finding.js";
import { createImage } from "./work/image.js";
import { createLongWork } from "./work/long.js";
import { createPreview } from "./work/preview.js";
import { createPrompting } from "./work/prompting.js";
import { createSeat } from "./work/seat.js";

/** @import { Settings, Step } from "./core/messages.js" */
/** @import { State } from "./core/state.js" */
/** @import { Refresh } from "./show/refresh.js" */
/** @import { Sample } from "./show/samples.js" */
/** @import { View } from "./show/view.js" */
/** @import { Server } from "./work/seat.js" */
/** @import { Commands } from "./tools/keys.js" */

/**
 * What Gradio gives the script of a component.
 * @typedef {object} Gradio
 * @property {{value: unknown, reply?: Step, settings?: Settings, samples?: Sample[]}} props
 * @property {(name: string, data: unknown) => void} trigger  fires one of the component's events
 * @property {Server} server  the server functions
 * @property {(file: File) => Promise<{path: string}>} upload
 * @property {(prop: string, changed: () => void) => void} watch
 */

/**
 * @param {HTMLElement} element  of the component
 * @param {Gradio} gradio
 */
export function startCanvas(element, { props, trigger, server, upload, watch }) {
  const root = find(element, ".samui");
  const canvas = find(root, "#samui-canvas", HTMLCanvasElement);
  const help = find(root, "dialog", HTMLDialogElement);
  const focus = () => canvas.focus({ preventScroll: true });

  const state = createState(props.settings || {});
  const transport = createTransport((request) => server.act(request), {
    request: () => ({ token: state.token, epoch: state.epoch, seen: state.serial }),
    base: () => state.base,
    snaps: () => state.snap,
    ready: () => state.token !== null && state.stage === "ready",
  });
  const requests = createRequests(state, props, trigger);
  const prompt = () => state.draft || foldPrompt(state.base, transport.unanswered());

  const view = createView(root, state, prompt);
  const notices = createNotices(root, state);
  const refresh = createRefresh(view);
  const label = createLabel(root, state, focus);
  const base = { state, transport, requests, view, notices, refresh };

  const prompting = createPrompting({ ...base, label, prompt, focus });
  const closer = createCloser(base);
  const preview = createPreview({ ...base, isPrompting: prompting.isPrompting });
  const finding = createFinding({
    ...base, label, focus, operate: prompting.operate,
    run() {
      notices.complain("");
      requests.send("everything", { parameters: everything.parameters() });
    },
  });
  const everything = createEverything(root, state, finding.filter);

  const bench = { ...base, prompt, prompting, preview, finding, changed: refresh.changed };
  const pointer = createPointer(canvas, bench);
  const strip = createStrip(root, state, view, prompting.choose);
  const image = createImage({ ...base, canvas, cancel: pointer.cancel, redrawStrip: strip.redraw });
  const seat = createSeat({ ...base, server, image });
  const panel = createPanel(root, state, (model) => long.loadModel(model));
  const long = createLongWork({ ...base, panel, image, seat, finding, upload });
  const objects = createObjects(root, state, label, {
    ...prompting.rows,
    save: (id) => long.save(panel.request(id)),
  });
  const looks = createLooks(state, view, refresh);
  const toolbar = createToolbar(root, state, prompt, transport.busy, looks.setOpacity);

  /** @type {Commands} */
  const commands = {
    ...prompting.commands,
    ...finding.commands,
    ...looks.commands,
    hover: preview.toggle,
    help: () => help.showModal(),
    "close-help": () => help.close(),
    dismiss: () => notices.complain(""),
    "dismiss-hint": () => notices.advise(""),
    open: () => find(root, ".file").click(),
    save: () => long.save(panel.request()),
    abandon: long.abandon,
    "load-model": () => long.loadModel(panel.modelName()),
  };
  for (const button of root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", commands[button.getAttribute("data-do") || ""]);
  }
  createKeys({ root, canvas, bench, pointer, cursor: createCursor(bench), commands });
  acceptFiles(root, long.openFile);
  offerSamples(root, props.samples || [], long.openSample);
  createFacade(canvas, state, prompt, () => seat.isBeginning() || transport.busy() || closer.busy());

  for (const part of [toolbar, strip, label, objects, panel, everything]) refresh.add(part.update);
  transport.listen(createAnswers({ ...base, preview, closer, seat, prompt }));
  watch("reply", () => long.take(props.reply));
  view.follow();
  refresh.now();
  seat.begin();
}

/**
 * How the picture and its masks are looked at.
 * @param {State} state
 * @param {View} view
 * @param {Refresh} refresh
 */
function createLooks(state, view, refresh) {
  /** @type {(change: () => void) => () => void} */
  const zooming = (change) => () => {
    change();
    refresh.soon();
  };
  return {
    /** @param {number} opacity */
    setOpacity(opacity) {
      state.opacity = opacity;
      view.ask("mask", "objects", "found");
    },
    commands: {
      "zoom-in": zooming(() => view.zoomBy(1)),
      "zoom-out": zooming(() => view.zoomBy(-1)),
      fit: zooming(view.fit),
      actual: zooming(view.actualSize),
      outline() {
        state.outline = !state.outline;
        view.ask("mask", "objects", "found");
        refresh.changed();
      },
    },
  };
}
