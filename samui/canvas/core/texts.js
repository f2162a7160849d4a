// What the page says in words and numbers. Pure.

/** "12,345 px". */
export function areaText(area) {
  return area === null || area === undefined ? "" : `${Math.round(area).toLocaleString("en")} px`;
}

/** "14 ms", "2.4 s". */
export function durationText(ms) {
  if (ms >= 10000) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** "120 of 375 MB"; total 0: not known yet. */
export function bytesText({ done, total }) {
  const share = (done / 1e6).toFixed(total < 1e8 ? 1 : 0);
  return total > 0 ? `${share} of ${(total / 1e6).toFixed(total < 1e8 ? 1 : 0)} MB` : "";
}

/** "35 of 256 points, 12 s left". */
export function progressText({ running, progress }) {
  if (!running) return "";
  if (!progress) return "Waiting for the first masks";
  const left = progress.left === null ? "" : `, ${durationText(Math.max(0, progress.left * 1000))} left`;
  return `${progress.done} of ${progress.total} points${left}`;
}

/** What the panel says about the masks. */
export function foundText(found) {
  const { offered, shown, selected, running, report } = found;
  if (offered === 0) return running || !report ? "" : capital(report);
  const parts = [`${shown.length} of ${offered} shown`];
  if (selected.size) parts.push(`${selected.size} selected`);
  if (shown.length === 0) parts.push("lower the filters to see them");
  return parts.join(", ");
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The parts of the status line. */
export function statusParts(state) {
  const { image, timings, settings } = state;
  const parts = [];
  if (!image) return ["No image open"];
  const { found } = state;
  const over = found.on && found.over !== null ? found.masks.get(found.over) : null;
  if (over) {
    return [`score ${over.score.toFixed(2)}`, `stability ${over.stability.toFixed(2)}`, areaText(over.area)];
  }
  if (found.on && (found.running || found.offered)) return [progressText(found), foundText(found)].filter(Boolean);
  if (state.mask && state.score !== null) parts.push(`score ${state.score.toFixed(2)}`);
  if (state.mask) parts.push(areaText(state.mask.area));
  parts.push(`${image.width}×${image.height}`);
  const model = settings.model;
  if (model) parts.push(`${model.title || model.name} on ${model.device}`);
  const names = [["encode", "encode"], ["decode", "decode"], ["roundtrip", "round trip"], ["paint", "paint"]];
  for (const [key, name] of names) {
    if (typeof timings[key] === "number") parts.push(`${name} ${durationText(timings[key])}`);
  }
  return parts;
}
