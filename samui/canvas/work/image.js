// Which image is open, and at which stage it is.

import { forgetWork } from "../core/state.js";
import { closePicture, loadPicture } from "../show/picture.js";

/** @import { OpenImage, Stage } from "../core/messages.js" */
/** @import { State } from "../core/state.js" */
/** @import { Transport } from "../net/transport.js" */
/** @import { Notices } from "../show/notices.js" */
/** @import { Refresh } from "../show/refresh.js" */
/** @import { View } from "../show/view.js" */

/** @typedef {ReturnType<typeof createImage>} ImageOfPage */

const WAITS = "Encoding the image. Clicks are kept and answered afterwards.";

/**
 * @param {object} parts
 * @param {HTMLElement} parts.canvas
 * @param {State} parts.state
 * @param {Transport} parts.transport
 * @param {View} parts.view
 * @param {Notices} parts.notices
 * @param {Refresh} parts.refresh
 * @param {() => void} parts.cancel  ends a gesture
 * @param {() => void} parts.redrawStrip
 */
export function createImage({ canvas, state, transport, view, notices, refresh, cancel, redrawStrip }) {
  /**
   * The shown image has a new epoch, from another model. The work stays, but requests to the old model are void.
   * @param {number} epoch
   */
  function renew(epoch) {
    if (epoch !== state.epoch) {
      transport.restart();
      state.found.running = false;
    }
    state.epoch = epoch;
    state.serial = 0;
  }

  /** @param {OpenImage} image */
  async function load(image) {
    try {
      const picture = await loadPicture(new URL(image.url, document.baseURI).href);
      if (state.image !== image) return closePicture(picture);
      view.show(picture);
      redrawStrip();
      refresh.soon();
    } catch {
      if (state.image === image) notices.complain("The picture could not be shown; its masks still can.");
    }
  }

  /** What to say of the image that is left: nothing where a list leads back to it. */
  function leaving() {
    const { image, objects } = state;
    return image && !image.home && objects.length > 0 ? `The objects of ${image.name} are kept.` : "";
  }

  return {
    /**
     * Show another image, or none; everything about the previous one is forgotten.
     * @param {OpenImage | null} image
     * @param {number} epoch
     */
    show(image, epoch) {
      if (state.image && image && state.image.content === image.content) {
        state.image = image; // under another address, perhaps
        if (!view.picture()) load(image);
        return renew(epoch);
      }
      const left = leaving();
      state.epoch = epoch;
      transport.forget();
      cancel();
      forgetWork(state);
      state.image = image || null;
      state.source = null;
      view.show(null);
      view.resize();
      view.fit();
      view.ask("mask", "objects", "found", "prompt");
      if (!image) return;
      canvas.setAttribute("aria-label", `Image canvas, ${image.name || "image"}`);
      notices.advise([...(image.notes || []), left].filter(Boolean).join(" "), Boolean(left));
      load(image);
    },
    /**
     * Enter a stage; work that waited for "ready" is sent.
     * @param {Stage} stage
     */
    enter(stage) {
      state.stage = state.image ? stage : "empty";
      if (stage === "image" || stage === "encoding") notices.work(WAITS);
      else if (stage !== "reading" && !state.opening) notices.work("");
      if (stage === "ready") transport.next();
      refresh.soon();
    },
    /** Whether the encoder runs on the image, as far as the page knows. */
    encodes: () => state.stage === "image" || state.stage === "encoding",
  };
}
