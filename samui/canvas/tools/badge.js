// The x beside what is selected: deletes it.

import { removal } from "./selection.js";

/** @import { Bench, Tool } from "./tool.js" */

const REACH = 10; // CSS px round its middle, at least

/**
 * @param {Bench} bench
 * @returns {Tool}
 */
export function createBadge({ state, view, prompting }) {
  return {
    find({ at, grasp }) {
      const badge = view.badgePosition();
      return badge && Math.hypot(badge.x - at.x, badge.y - at.y) <= Math.max(REACH, grasp) ? true : null;
    },
    release({ moved }) {
      const edit = removal(state.selected);
      if (moved || !edit) return;
      state.selected = null;
      prompting.edit(edit);
    },
    cursor: () => "pointer",
  };
}
