// The seat's token, where its image comes from, and what the page takes along, kept over a reload of the page.

/** @import { OpenImage } from "../core/messages.js" */
/** @import { Source } from "../core/held.js" */

const KEY = "samui.session"; // in sessionStorage
const SOURCE = "samui.source";
const HELD = "samui.held";

/**
 * Keep the token for a reload; inside a frame a browser may forbid that, which costs only the reload.
 * @param {string} token
 */
export function remember(token) {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // the page works all the same
  }
}

/** The token that was kept, or null. */
export function recall() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/**
 * Keep where an image comes from, as far as words can say it.
 * @param {OpenImage | null} image
 * @param {Source | null} source
 */
export function rememberSource(image, source) {
  try {
    const { sample, image: home } = source || {};
    if (!image || !(sample || home)) sessionStorage.removeItem(SOURCE);
    else sessionStorage.setItem(SOURCE, JSON.stringify({ content: image.content, source: { sample, image: home } }));
  } catch {
    // as above
  }
}

/**
 * Where an image comes from, if that was kept of it, or of any image without one; else null.
 * @param {OpenImage | null} image
 * @returns {Source | null}
 */
export function recallSource(image) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SOURCE) || "null");
    return kept && (!image || kept.content === image.content) ? kept.source : null;
  } catch {
    return null;
  }
}

/**
 * Keep what the page takes along; whether there was room.
 * @param {object} held
 */
export function rememberHeld(held) {
  try {
    sessionStorage.setItem(HELD, JSON.stringify(held));
    return true;
  } catch {
    return false;
  }
}

/** What the page took along when it was loaded anew, or null. */
export function recallHeld() {
  try {
    return JSON.parse(sessionStorage.getItem(HELD) || "null");
  } catch {
    return null;
  }
}

/** It is back where it belongs. */
export function forgetHeld() {
  try {
    sessionStorage.removeItem(HELD);
  } catch {
    // as above
  }
}
