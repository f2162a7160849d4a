// Puts the page together: each part is given those that it works with, all of which are there by then.

import { foldPrompt } from "./core/prompt.js";
import { createState } from "./core/state.js";
import { createDatabase } from "./net/database.js";
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
import { createSavedText } from "./show/saved.js";
import { offerSamples } from "./show/samples.js";
import { createStrip } from "./show/strip.js";
import { createToolbar } from "./show/toolbar.js";
import { createView } from "./show/view.js";
import { createCursor } from "./tools/cursor.js";
import { acceptFiles } from "./tools/files.js";
import { createKeys } from "./tools/keys.js";
import { createPointer } from "./tools/pointer.js";
import { createAnswers } from "./work/answers.js";
import { createFinding } from "./work/finding.js";
import { createImage } from "./work/image.js";
import { createKeeping } from "./work/keeping.js";
import { createLongWork } from "./work/long.js";
import { createPreview } from "./work/preview.js";
import { createPrompting } from "./work/prompting.js";
import { createRestore } from "./work/restore.js";
import { createSaved } from "./work/saved.js";
import { createSeat } from "./work/seat.js";
import { createTabs } from "./work/tabs.js";

/** @import { Settings, Step } from "./core/messages.js" */
/** @import { State } from "./core/state.js" */
/** @import { Refresh } from "./show/refresh.js" */
/** @import { Sample } from "./show/samples.js" */
/** @import { View } from "./show/view.js" */
/** @import { Back } from "./work/restore.js" */
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
    ready: () => state.stage === "ready" && !state.restoring && !seat.isBeginning(),
  });
  const requests = createRequests(state, props, trigger);
  const prompt = () => state.draft || foldPrompt(state.base, transport.unanswered());

  const view = createView(root, state, prompt);
  const notices = createNotices(root, state);
  const refresh = createRefresh(view);
  const label = createLabel(root, state, focus);
  const base = { state, transport, requests, view, notices, refresh };

  const prompting = createPrompting({ ...base, label, prompt, focus });
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
  /** @type {Back} */
  const goesBack = {
    lost: (begun) => restore.lost(begun),
    arrived: (step) => restore.arrived(step),
    failed: (step) => restore.failed(step),
    again: () => restore.again(),
  };
  const seat = createSeat({ ...base, server, image, restore: goesBack, begun: () => long.openNext() });
  const panel = createPanel(root, state, (model) => long.loadModel(model));
  const long = createLongWork({ ...base, panel, image, seat, finding, upload, restore: goesBack });
  const tabs = createTabs(state, notices, { locks: navigator.locks, Channel: window.BroadcastChannel });
  const keeping = createKeeping({
    state, database: createDatabase(storage()), isElsewhere: tabs.isElsewhere, changed: refresh.soon,
  });
  const restore = createRestore({ ...base, image, seat, long, keeping });
  const saved = createSaved({ ...base, seat, keeping, restore });
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
  createFacade(canvas, state, prompt, {
    busy: () => seat.isBeginning() || state.restoring || transport.busy(),
    saved: () => ["none", "saved"].includes(saved.told().kind),
  });

  const parts = [toolbar, strip, label, objects, panel, everything, tabs, keeping, saved, createSavedText(root, saved.told)];
  for (const part of parts) refresh.add(part.update);
  transport.listen(createAnswers({ ...base, preview, seat, prompt }));
  watch("reply", () => long.take(props.reply));
  view.follow();
  refresh.now();
  seat.begin();
}

/** The browser's database; where it is blocked, even to look at it may throw. */
function storage() {
  try {
    return window.indexedDB;
  } catch {
    return undefined;
  }
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
