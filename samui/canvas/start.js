// Puts the page together: each part is given the parts that it works with, which are made before it.

import { foldPrompt } from "./core/prompt.js";
import { createState } from "./core/state.js";
import { createDatabase } from "./net/database.js";
import { createRequests } from "./net/requests.js";
import { createAsks } from "./net/asks.js";
import { createTransport } from "./net/transport.js";
import { find } from "./show/dom.js";
import { createEverything } from "./show/everything.js";
import { createFacade } from "./show/facade.js";
import { createFolder } from "./show/folder.js";
import { createLabel } from "./show/label.js";
import { createLabels } from "./show/labels.js";
import { createList } from "./show/list.js";
import { createNotices } from "./show/notices.js";
import { createObjects } from "./show/objects.js";
import { createPanel } from "./show/panel.js";
import { createRecent } from "./show/recent.js";
import { createRefresh } from "./show/refresh.js";
import { createSavedText } from "./show/saved.js";
import { offerSamples } from "./show/samples.js";
import { createStrip } from "./show/strip.js";
import { createToolbar } from "./show/toolbar.js";
import { createView } from "./show/view.js";
import { createImportDialog } from "./show/importing.js";
import { createCursor } from "./tools/cursor.js";
import { acceptFiles, chooseFile, isMasks, MASKS } from "./tools/files.js";
import { createKeys } from "./tools/keys.js";
import { createPointer } from "./tools/pointer.js";
import { createAnswers } from "./work/answers.js";
import { createBringing } from "./work/bringing.js";
import { createCloser } from "./work/closer.js";
import { createFinding } from "./work/finding.js";
import { createFolderWork } from "./work/folder.js";
import { createImage } from "./work/image.js";
import { createKeeping } from "./work/keeping.js";
import { createLabelWork } from "./work/labels.js";
import { createLongWork } from "./work/long.js";
import { createPreview } from "./work/preview.js";
import { createPrompting } from "./work/prompting.js";
import { createRecentWork } from "./work/recent.js";
import { createReload } from "./work/reload.js";
import { createRestore } from "./work/restore.js";
import { createSaved } from "./work/saved.js";
import { createSeat } from "./work/seat.js";
import { createTabs } from "./work/tabs.js";

/** @import { Begun, Settings, Step } from "./core/messages.js" */
/** @import { State } from "./core/state.js" */
/** @import { Refresh } from "./show/refresh.js" */
/** @import { Sample } from "./show/samples.js" */
/** @import { View } from "./show/view.js" */
/** @import { Back } from "./work/restore.js" */
/** @import { Server } from "./work/seat.js" */
/** @import { Commands } from "./tools/keys.js" */

/**
 * What Gradio gives to a component's script.
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
  const help = find(root, "dialog.help", HTMLDialogElement);
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
  const asks = createAsks(
    (request) => server.workspace(request),
    () => state.token,
    (told) => notices.complain(told.error),
    () => seat.begin(),
  );
  const refresh = createRefresh(view);
  const label = createLabel(root, state, focus);
  const base = { state, transport, requests, view, notices, refresh };

  const prompting = createPrompting({ ...base, label, prompt, focus, colourOf: (name) => labelWork.colour(name) });
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
  /** @type {(image: string) => string} */
  const thumbnail = (image) => new URL(`samui/thumbnail/${state.token}/${encodeURIComponent(image)}`, document.baseURI).href;
  /** @param {string} name */
  const open = (name) => long.openKept(name);
  const recent = createRecentWork({ state, asks, show: createRecent(root, { thumbnail, open }).show });
  const labelWork = createLabelWork({ ...base, asks, chosen: label.text, choose: label.choose, tell: (text) => labels.tell(text) });
  const labels = createLabels(root, state, label.text, { choose: label.choose, change: labelWork.change });
  const folderWork = createFolderWork({ ...base, asks, prompting, open, list: () => list, changed: () => labelWork.load() });
  const list = createList(root, { ask: folderWork.rows, thumbnail, open: folderWork.open });
  const folder = createFolder(root, state, { ...folderWork, unfold: list.unfold });
  const image = createImage({ ...base, canvas, cancel: pointer.cancel, redrawStrip: strip.redraw });
  /** @type {Back} */
  const goesBack = {
    lost: (told) => restore.lost(told),
    arrived: (step) => restore.arrived(step),
    failed: (step) => restore.failed(step),
    again: () => restore.again(),
  };
  const seat = createSeat({ ...base, server, image, restore: goesBack, begun });
  const panel = createPanel(root, state, (model) => long.loadModel(model));
  const importDialog = createImportDialog(root, () => bringing.apply(), () => bringing.cancel());
  const bringing = createBringing({ ...base, dialog: importDialog, upload, operate: prompting.operate });
  const long = createLongWork({
    ...base, panel, image, seat, finding, bringing, upload, stayed: folderWork.stayed, restore: goesBack,
  });
  const tabs = createTabs(state, notices, { locks: navigator.locks, Channel: window.BroadcastChannel });
  const keeping = createKeeping({
    state, database: createDatabase(storage()), isElsewhere: tabs.isElsewhere, changed: refresh.soon,
  });
  const restore = createRestore({ ...base, image, seat, long, keeping });
  const saved = createSaved({ ...base, seat, keeping, restore });
  const reload = createReload({
    notices, restore, keeping, saved, finds: () => state.found.running, load: () => window.location.reload(),
  });
  new PerformanceObserver((seen) => reload.look(seen.getEntries())).observe({ type: "resource" });
  const objects = createObjects(root, state, label, {
    ...prompting.rows,
    save: (id) => long.save(panel.request(id)),
  });
  /**
   * A seat was begun. former: the image that was open in the one before.
   * @param {Begun} reply
   * @param {string | null} former
   */
  function begun(reply, former) {
    folderWork.begin(reply.workspace, former);
    labelWork.load();
    recent.load();
    if (!state.restoring) long.openNext();
  }

  /** Objects of the open image have changed here. */
  function kept() {
    folderWork.place();
    labelWork.learn();
  }

  const looks = createLooks(state, view, refresh);
  const toolbar = createToolbar(root, state, prompt, transport.busy, looks.setOpacity);

  /** @type {Commands} */
  const commands = {
    ...prompting.commands,
    ...finding.commands,
    ...looks.commands,
    ...folderWork.commands,
    "toggle-list": folder.toggle,
    "edit-labels"() {
      labelWork.load();
      labels.open();
    },
    "close-labels": labels.close,
    "undo-labels": labelWork.undo,
    hover: preview.toggle,
    help: () => help.showModal(),
    "close-help": () => help.close(),
    dismiss: () => notices.complain(""),
    "dismiss-hint": () => notices.advise(""),
    open: () => find(root, ".file").click(),
    save: () => long.save(panel.request()),
    "import-masks": () => chooseFile(MASKS, bringing.choose),
    "apply-import": bringing.apply,
    "cancel-import": bringing.cancel,
    abandon: long.abandon,
    "load-model": () => long.loadModel(panel.modelName()),
  };
  for (const button of root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", commands[button.getAttribute("data-do") || ""]);
  }
  createKeys({ root, canvas, bench, pointer, cursor: createCursor(bench), commands, chooseLabel: labelWork.chooseByKey });
  acceptFiles(root, (file) => (file && isMasks(file.name) ? bringing.choose(file) : long.openFile(file)));
  offerSamples(root, props.samples || [], long.openSample);
  createFacade(canvas, state, prompt, {
    busy: () =>
      [seat.isBeginning(), state.restoring, transport.busy(), closer.busy(), asks.busy(), folderWork.isGoing()].some(Boolean),
    saved: () => ["none", "saved"].includes(saved.told().kind),
  });

  const savedText = createSavedText(root, saved.told);
  const parts = [toolbar, strip, label, labels, objects, panel, everything, folder, tabs, keeping, saved, savedText, reload];
  for (const part of parts) refresh.add(part.update);
  refresh.add(createFollower(state, { shown: [folderWork.shown, recent.load], ready: [folderWork.ready], objects: [kept] }));
  transport.listen(createAnswers({ ...base, preview, closer, seat, prompt }));
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
 * Tells when another image is shown, when it is encoded, and when its objects are others.
 * @param {State} state
 * @param {{shown: (() => void)[], ready: (() => void)[], objects: (() => void)[]}} heard
 */
function createFollower(state, heard) {
  let { image, stage, objects, epoch } = state;
  return () => {
    const other = image !== state.image;
    const isReady = state.stage === "ready" && (stage !== "ready" || epoch !== state.epoch);
    const changed = !other && objects !== state.objects;
    ({ image, stage, objects, epoch } = state);
    if (other) for (const hear of heard.shown) hear();
    if (isReady) for (const hear of heard.ready) hear();
    if (changed) for (const hear of heard.objects) hear();
  };
}

/**
 * Commands for how the picture and its masks are shown.
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
