// How fast images are finished, and what that means for those that are left. Pure.

import { durationText } from "./texts.js";

const WINDOW = 3600e3; // ms that count
const PAUSE = 300e3; // ms; who is away for longer was not at work meanwhile
const LEAST = 3; // images before anything is told

/**
 * "42 an hour, 3 h left", or "".
 * @param {readonly number[]} times  when images were finished, ms, rising
 * @param {number} left  images to do
 * @param {number} now  ms
 */
export function paceText(times, left, now) {
  const recent = times.filter((time) => time > now - WINDOW);
  if (recent.length < LEAST) return "";
  const steps = recent.slice(1).map((time, i) => Math.min(time - recent[i], PAUSE));
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length;
  if (mean <= 0) return "";
  const told = `${Math.round(3600e3 / mean).toLocaleString("en")} an hour`;
  return left > 0 ? `${told}, ${spanText(mean * left)} left` : told;
}

/** @param {number} ms */
function spanText(ms) {
  const minutes = ms / 60e3;
  if (minutes < 1) return durationText(ms);
  if (minutes < 90) return `${Math.round(minutes)} min`;
  return `${Math.round(minutes / 60).toLocaleString("en")} h`;
}
