// Long work: opening an image, loading a model, writing a file. Each is a queued event that reports its steps.

const QUEUE_PATIENCE = 180000; // ms without any word on work that was asked for, which may wait its turn
const ASK = 10000; // ms of that after which the page asks how far the server is; work that has begun tells every 5000

/**
 * page: {begin(message), poll(), showImage(image, epoch), takeState(reply), enter(stage), find(step), changed(),
 * moved(): promise of whether the server has left the epoch of the page, abandon(): tells the server to stop opening and
 * loading}, see canvas.js.
 * gradio: {props, trigger, upload} of the component.
 */
export function createWork(root, state, toolbar, panel, page, gradio) {
  const { props, trigger, upload } = gradio;
  let lastEvent = 0;
  let silence = 0; // timer, 0 while nothing is waited for
  let asking = 0; // timer
  let openings = 0; // of two opens that are on their way only the newer one counts
  const asked = {}; // name of an event -> number of the newest one; each step of the work names the number it is of
  let sending = false; // a file is on its way that nobody has been asked to open yet
  let unwanted = false; // the work was cancelled, and has not ended yet

  /** Start long work: a queued event with the value that its handler reads. */
  function send(name, fields) {
    asked[name] = (asked[name] || 0) + 1;
    const payload = { session: state.session, asked: asked[name], ...fields };
    props.value = payload;
    toolbar.complain("");
    unwanted = false;
    // The names stand in quotes for gradio, which finds a component's own events in this text.
    if (name === "open") {
      openings += 1;
      sending = false;
      state.opening = true;
      toolbar.work("Opening the image.");
      trigger("open", payload);
    } else if (name === "model") {
      state.loading = true;
      toolbar.work("Loading the model.");
      trigger("model", payload);
    } else if (name === "everything") {
      return trigger("everything", payload); // it waits its turn as long as it must, and can be cancelled
    } else {
      state.saving = true;
      toolbar.work("Writing the file.");
      trigger("save", payload);
    }
    listen();
    page.changed();
  }

  /** Ask after a silence, and give up after a long one; each word of the server begins it anew. */
  function listen() {
    stopListening();
    if (waiting().length === 0) return;
    silence = setTimeout(giveUp, QUEUE_PATIENCE);
    asking = setTimeout(ask, ASK);
  }

  function stopListening() {
    clearTimeout(silence);
    clearTimeout(asking);
    silence = 0;
  }

  /** Names of the events whose end is not known yet. */
  function waiting() {
    const { opening, loading, saving } = state;
    const opens = (opening && !sending) || encodes();
    return [opens && "open", loading && "model", saving && "save"].filter(Boolean);
  }

  function encodes() {
    return state.stage === "image" || state.stage === "encoding";
  }

  function giveUp() {
    const lost = waiting();
    stopListening();
    for (const event of lost) failWork({ event, error: "The server does not answer. Try again." });
  }

  /** The line that brings the events may be dead, while calls go through: take what the server has instead. */
  async function ask() {
    const before = silence;
    const moved = unwanted || encodes() || (await page.moved());
    if (silence !== before) return; // there was a word, or all is over
    if (!moved) {
      asking = setTimeout(ask, ASK);
      return;
    }
    stopListening(); // what is unwanted stays so, since its turn may come yet
    state.opening = sending;
    state.loading = false;
    if (encodes()) page.poll();
    else page.begin();
  }

  /** Cancel what is being sent, opened or loaded. */
  function abandon() {
    if (sending) {
      openings += 1;
      sending = false;
      state.opening = false;
      toolbar.work("");
      return page.enter(state.stage);
    }
    unwanted = true;
    toolbar.work("Cancelling.");
    page.abandon();
  }

  async function openFile(file) {
    if (!file) return;
    toolbar.complain("");
    state.opening = true;
    sending = true;
    toolbar.work("Sending the image.");
    openings += 1;
    const mine = openings;
    try {
      const { path } = await upload(file);
      if (mine !== openings) return;
      send("open", { file: { path, meta: { _type: "gradio.FileData" }, orig_name: file.name } });
    } catch (failure) {
      if (mine !== openings) return;
      state.opening = false;
      sending = false;
      toolbar.work("");
      toolbar.complain(`${file.name}: could not be sent. ${failure.message || failure}`);
    }
  }

  /** Save once the server has answered everything, so that the file holds what the page shows. */
  async function saveAs(request) {
    if (state.saving) return;
    state.saving = true;
    page.changed();
    const { epoch } = state;
    await page.settled();
    state.saving = false;
    if (epoch !== state.epoch || state.objects.length === 0) return page.changed();
    send("save", { ...request, epoch });
    if (state.mask) toolbar.advise("The mask at work is not in the file; Enter keeps it as an object.");
  }

  /** One step of long work, as the handlers yield them. */
  function takeEvent(reply) {
    if (!reply || !reply.event || reply.serial_event === lastEvent) return;
    lastEvent = reply.serial_event;
    if (reply.event === "everything" && reply.stage !== "error") return page.find(reply);
    if (silence) listen();
    if (reply.event === "life") return;
    const { stage } = reply;
    if ((stage === "error" || stage === "cancelled") && reply.asked !== asked[reply.event]) return;
    const over = ["error", "saved", "ready", "cancelled"].includes(stage);
    // It was waiting for its turn when it was cancelled.
    if (!over && unwanted) return page.abandon();
    if (over && reply.model) state.settings = { ...state.settings, model: reply.model };
    if (reply.timings) state.timings = { ...state.timings, ...reply.timings };
    if (stage === "error") failWork(reply);
    else if (stage === "cancelled") endCancelled(reply);
    else if (stage === "downloading") toolbar.work(`Downloading ${reply.name}`, reply);
    else if (stage === "saved") download(reply);
    else if (stage === "reading") toolbar.work("Reading the image.");
    else if (stage === "loading") toolbar.work("Loading the model.");
    else if (reply.epoch === undefined || reply.epoch >= state.epoch) {
      state.opening = false;
      if (over && reply.event === "model") state.loading = false;
      if (reply.image) page.showImage(reply.image, reply.epoch);
      else if (reply.epoch !== undefined && reply.epoch !== state.epoch) return page.begin();
      if (reply.state) page.takeState(reply.state);
      page.enter(stage);
    }
    if (over) {
      unwanted = false;
      props.value = { session: state.session };
      listen(); // to what else is waited for
    }
    page.changed();
  }

  /** What was cancelled has ended, and the server has what it had before. */
  function endCancelled(reply) {
    if (reply.event === "open") state.opening = false;
    if (reply.event === "model") {
      state.loading = false;
      panel.resetModel();
    }
    toolbar.work("");
    if (reply.event === "model") page.enter(settled());
    else if (reply.epoch === state.epoch) page.enter(state.stage);
    else page.begin();
  }

  function failWork(reply) {
    toolbar.complain(reply.error || "That did not work.");
    if (reply.event === "open") state.opening = false;
    if (reply.event === "save") state.saving = false;
    if (reply.event === "everything") state.found.running = false;
    if (reply.event === "model") {
      state.loading = false;
      panel.resetModel();
    }
    toolbar.work("");
    if (reply.kind === "session") page.begin(reply.error);
    else page.enter(settled());
  }

  /** The stage after work that did not come to its end. Where encoding failed, the next click tries it again. */
  function settled() {
    return encodes() ? "ready" : state.stage;
  }

  function download(reply) {
    state.saving = false;
    toolbar.work("");
    const link = document.createElement("a");
    link.href = new URL(reply.url, document.baseURI).href;
    link.download = reply.filename || "";
    link.click();
  }

  function acceptFiles() {
    const input = root.querySelector(".file");
    input.addEventListener("change", () => {
      openFile(input.files[0]);
      input.value = "";
    });
    let depth = 0; // dragenter and dragleave also come from the children
    const dropping = (change) => (event) => {
      if (!event.dataTransfer || ![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      depth = Math.max(0, depth + change);
      root.classList.toggle("dropping", depth > 0);
    };
    root.addEventListener("dragenter", dropping(1));
    root.addEventListener("dragover", dropping(0));
    root.addEventListener("dragleave", dropping(-1));
    root.addEventListener("drop", (event) => {
      const [file] = event.dataTransfer.files;
      if (!file) return;
      event.preventDefault();
      depth = 0;
      root.classList.remove("dropping");
      openFile(file);
    });
    document.addEventListener("paste", (event) => {
      if (!root.isConnected || !event.clipboardData) return;
      const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      openFile(file);
    });
  }

  acceptFiles();
  return { send, openFile, saveAs, takeEvent, abandon };
}
