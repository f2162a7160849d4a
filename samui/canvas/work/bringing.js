// Masks of a file for the image that is open: the file is sent and read, what it holds is told, and then it is taken.

/** @import { Step } from "../core/messages.js" */
/** @import { Operation } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Requests } from "../net/requests.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { ImportDialog } from "../show/importing.js" */
/** @import { Notices } from "../show/notices.js" */

/** @typedef {ReturnType<typeof createBringing>} Bringing */

/**
 * @param {object} parts
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {Requests} parts.requests
 * @param {Notices} parts.notices
 * @param {ImportDialog} parts.dialog
 * @param {(file: File) => Promise<{path: string}>} parts.upload
 * @param {(operation: Operation) => void} parts.operate
 */
export function createBringing({ state, transport, requests, notices, dialog, upload, operate }) {
  let wanted = 0; // number of the file that is looked at; another one, or none, makes an answer pointless
  let waits = false; // for the server to read the file
  let key = ""; // of the file that was read

  function cancel() {
    wanted += 1;
    waits = false;
    key = "";
    dialog.close();
  }

  /** @param {unknown} failure */
  const reason = (failure) => (failure instanceof Error ? failure.message : String(failure));

  return {
    /**
     * Send a file and have it read.
     * @param {File} file
     */
    async choose(file) {
      notices.complain("");
      if (!state.image) return notices.complain("Open the image first; then its masks can be imported.");
      wanted += 1;
      key = "";
      const mine = wanted;
      const { epoch } = state;
      dialog.show([`Reading ${file.name}.`]);
      try {
        const { path } = await upload(file);
        await transport.settled(); // what is here already is told by what the server has
        if (mine !== wanted) return;
        const sent = { path, meta: { _type: "gradio.FileData" }, orig_name: file.name };
        waits = true;
        requests.send("bring", { file: sent, epoch });
      } catch (failure) {
        if (mine === wanted) dialog.show([`${file.name}: could not be sent. ${reason(failure)}`]);
      }
    },
    /**
     * A step of the reading.
     * @param {Step} step
     */
    take(step) {
      if (!waits || !requests.isNewest(step)) return;
      if (step.stage === "error") dialog.show([step.error || "That did not work."]);
      if (step.stage !== "brought") return;
      key = step.key || "";
      dialog.show(step.told || [], step.count);
    },
    /** Take the objects over, as one step of undo. */
    apply() {
      if (key) operate({ action: "import", key });
      cancel();
    },
    cancel,
  };
}
