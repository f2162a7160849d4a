// Draws the prompt over the picture: points, the box with its handles, the selection, and the keyboard's cursor.

import { HANDLES, clamp, handlePosition, toScreen } from "../core/geometry.js";
import { ACTIVE_COLOUR } from "./colours.js";

/** @import { Box, Point, Prompt } from "../core/messages.js" */
/** @import { At, Viewport } from "../core/geometry.js" */
/** @import { State } from "../core/state.js" */

const POINT_RADIUS = 6; // CSS px
const HANDLE_SIZE = 9; // CSS px
const BADGE_OFFSET = 15; // CSS px from a point or corner to the x that deletes it
const ACTIVE = `rgb(${ACTIVE_COLOUR.join(",")})`;

/**
 * Draw into a context whose unit is one CSS px.
 * @param {CanvasRenderingContext2D} context
 * @param {State} state
 * @param {Prompt} prompt
 */
export function drawPrompt(context, state, prompt) {
  const { view, selected, cursor } = state;
  if (prompt.box) drawBox(context, view, prompt.box, selected === "box");
  prompt.points.forEach((point, index) => drawPoint(context, view, point, selected === index));
  const badge = badgePosition(state, prompt);
  if (badge) drawBadge(context, badge);
  if (cursor) drawCursor(context, toScreen(view, cursor.x, cursor.y));
}

/**
 * Screen position of the x beside what is selected, or null.
 * @param {State} state
 * @param {Prompt} prompt
 */
export function badgePosition({ draft, selected, view, size }, { points, box }) {
  if (draft || selected === null) return null;
  const corner = selected === "box" ? box && [box[2], box[1]] : points[selected];
  if (!corner) return null;
  const at = toScreen(view, corner[0], corner[1]);
  if (at.x < 0 || at.y < 0 || at.x > size.width || at.y > size.height) return null;
  return {
    x: clamp(at.x + BADGE_OFFSET, 10, size.width - 10),
    y: clamp(at.y - BADGE_OFFSET, 10, size.height - 10),
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} view
 * @param {Box} box
 * @param {boolean} selected
 */
function drawBox(context, view, box, selected) {
  const a = toScreen(view, box[0], box[1]);
  const b = toScreen(view, box[2], box[3]);
  context.lineWidth = 3;
  context.strokeStyle = "rgba(0, 0, 0, 0.55)";
  context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
  context.lineWidth = 1;
  context.strokeStyle = "rgba(0, 0, 0, 0.75)";
  context.fillStyle = selected ? ACTIVE : "#fff";
  for (const handle of HANDLES) {
    const at = handlePosition(box, view, handle);
    context.fillRect(at.x - HANDLE_SIZE / 2, at.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
    context.strokeRect(at.x - HANDLE_SIZE / 2, at.y - HANDLE_SIZE / 2, HANDLE_SIZE, HANDLE_SIZE);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Viewport} view
 * @param {Point} point
 * @param {boolean} selected
 */
function drawPoint(context, view, [x, y, label], selected) {
  const at = toScreen(view, x, y);
  disc(context, at, POINT_RADIUS + (selected ? 4 : 2), selected ? ACTIVE : "#fff");
  disc(context, at, POINT_RADIUS + 0.5, label ? "#15803d" : "#c81e1e");
  context.strokeStyle = "#fff";
  context.lineWidth = 1.8;
  context.beginPath();
  context.moveTo(at.x - 3.2, at.y);
  context.lineTo(at.x + 3.2, at.y);
  if (label) {
    context.moveTo(at.x, at.y - 3.2);
    context.lineTo(at.x, at.y + 3.2);
  }
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {At} at
 */
function drawBadge(context, at) {
  disc(context, at, 8, "rgba(20, 20, 22, 0.9)");
  context.strokeStyle = "#fff";
  context.lineWidth = 1.6;
  context.beginPath();
  context.moveTo(at.x - 3, at.y - 3);
  context.lineTo(at.x + 3, at.y + 3);
  context.moveTo(at.x + 3, at.y - 3);
  context.lineTo(at.x - 3, at.y + 3);
  context.stroke();
}

/** @type {[width: number, style: string][]} */
const STROKES = [[4, "rgba(0, 0, 0, 0.6)"], [1.6, "#fff"]];
const ARMS = [[1, 0], [-1, 0], [0, 1], [0, -1]];

/**
 * @param {CanvasRenderingContext2D} context
 * @param {At} at
 */
function drawCursor(context, at) {
  for (const [width, style] of STROKES) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.arc(at.x, at.y, 9, 0, 2 * Math.PI);
    for (const [dx, dy] of ARMS) {
      context.moveTo(at.x + 4 * dx, at.y + 4 * dy);
      context.lineTo(at.x + 15 * dx, at.y + 15 * dy);
    }
    context.stroke();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {At} at
 * @param {number} radius
 * @param {string} style
 */
function disc(context, at, radius, style) {
  context.fillStyle = style;
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  context.fill();
}
