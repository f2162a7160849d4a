// What the page says in words and numbers. Pure.

/** @import { Found } from "./found.js" */
/** @import { State } from "./state.js" */

/**
 * "12,345 px".
 * @param {number | null | undefined} area
 */
export function areaText(area) {
  return area === null || area === undefined ? "" : `${Math.round(area).toLocaleString("en")} px`;
}

/**
 * "14 ms", "2.4 s".
 * @param {number} ms
 */
export function durationText(ms) {
  if (ms >= 10000) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/**
 * "120 of 375 MB"; total 0: not known yet.
 * @param {{done: number, total: number}} bytes
 */
export function bytesText({ done, total }) {
  const share = (done / 1e6).toFixed(total < 1e8 ? 1 : 0);
  return total > 0 ? `${share} of ${(total / 1e6).toFixed(total < 1e8 ? 1 : 0)} MB` : "";
}

/**
 * "35 of 256 points, 12 s left".
 * @param {Pick<Found, "running" | "progress">} found
 */
export function progressText({ running, progress }) {
  if (!running) return "";
  if (!progress) return "Waiting for the first masks";
  const left = progress.left === null ? "" : `, ${durationText(Math.max(0, progress.left * 1000))} left`;
  return `${progress.done} of ${progress.total} points${left}`;
}

/**
 * What the panel says about the masks.
 * @param {Found} found
 */
export function foundText(found) {
  const { offered, shown, selected, running, report } = found;
  if (offered === 0) return running || !report ? "" : capital(report);
  const parts = [`${shown.length} of ${offered} shown`];
  if (selected.size) parts.push(`${selected.size} selected`);
  if (shown.length === 0) parts.push("lower the filters to see them");
  return parts.join(", ");
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @type {[key: string, name: string][]} */
const TIMES = [["encode", "encode"], ["decode", "decode"], ["roundtrip", "round trip"], ["paint", "paint"]];

/**
 * The parts of the status line.
 * @param {State} state
 */
export function statusParts(state) {
  const { image, found } = state;
  if (!image) return ["No image open"];
  return (found.on && foundParts(found)) || [...maskParts(state), `${image.width}×${image.height}`, ...workParts(state)];
}

/**
 * What everything mode says, or null.
 * @param {Found} found
 */
function foundParts(found) {
  const over = found.over !== null && found.masks.get(found.over);
  if (over) return [`score ${over.score.toFixed(2)}`, `stability ${over.stability.toFixed(2)}`, areaText(over.area)];
  return found.running || found.offered ? [progressText(found), foundText(found)].filter(Boolean) : null;
}

/** @param {State} state */
function maskParts({ mask, score, absent }) {
  if (!mask) return [];
  if (score === null) return [areaText(mask.area)];
  const parts = [`score ${score.toFixed(2)}`, areaText(mask.area)];
  return absent ? ["the model sees nothing there", ...parts] : parts;
}

/** @param {State} state */
function workParts({ settings: { model }, timings }) {
  const parts = model ? [`${model.title || model.name} on ${model.device}`] : [];
  for (const [key, name] of TIMES) {
    const time = timings[key];
    if (typeof time === "number") parts.push(`${name} ${durationText(time)}`);
  }
  return parts;
}
