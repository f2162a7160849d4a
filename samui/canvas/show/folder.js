// The bar of a folder: which image is open, the way to the others, and how far it is; and what the list is filtered by.

import { countsText, isFiltering, placeText } from "../core/workspace.js";
import { fillOptions, find, press, setText } from "./dom.js";

/** @import { Filter, ImageState } from "../core/workspace.js" */
/** @import { State } from "../core/state.js" */

const KEY = "samui.list"; // in localStorage: whether the list is folded away
const NAME_REST = 200; // ms without typing after which a name is looked for

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {object} act
 * @param {(filter: Filter) => void} act.filter
 * @param {(note: string) => void} act.note
 * @param {() => string} act.pace  how fast images are finished
 * @param {() => void} act.unfold  the list is there again
 */
export function createFolder(root, state, act) {
  const { workspace } = state;
  const bar = find(root, ".folder-bar");
  const aside = find(root, ".images");
  const name = find(aside, ".filter-name", HTMLInputElement);
  const states = find(aside, ".filter-state", HTMLSelectElement);
  const label = find(aside, ".filter-label", HTMLSelectElement);
  const note = find(bar, ".note", HTMLInputElement);
  /** @param {string} command */
  const button = (command) => find(root, `[data-do="${command}"]`, HTMLButtonElement);
  let folded = recallFolded();
  let shownImage = "";
  let shownNote = "";
  let shownLabels = /** @type {unknown} */ (null);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;

  function filter() {
    clearTimeout(typing);
    act.filter({
      name: name.value.trim(),
      state: /** @type {ImageState | null} */ (states.value || null),
      label: label.value || null,
    });
  }

  name.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, NAME_REST);
  });
  for (const each of [states, label]) each.addEventListener("change", filter);
  note.addEventListener("change", () => act.note(note.value.trim()));
  note.addEventListener("keydown", (event) => event.key === "Enter" && note.blur());

  function updateBar() {
    const { row, counts, at } = workspace;
    const path = row ? row.path : "";
    setText(find(bar, ".folder-image"), path || workspace.name);
    find(bar, ".folder-image").title = path;
    setText(find(bar, ".folder-at"), placeText(workspace));
    button("previous-image").disabled = !at;
    button("next-image").disabled = (at ?? -1) + 1 >= counts.images;
    button("next-todo").disabled = counts.todo === 0;
    button("copy-objects").disabled = !row || !at;
    for (const [command, meant] of /** @type {const} */ ([["done", "done"], ["skip", "skipped"]])) {
      button(command).disabled = !row;
      press(button(command), row !== null && row.state === meant);
    }
    updateNote();
  }

  function updateNote() {
    const { row } = workspace;
    const { image: open, note: text } = row || { image: "", note: "" };
    note.disabled = !row;
    if (open !== shownImage || (text !== shownNote && document.activeElement !== note)) note.value = text;
    shownImage = open;
    shownNote = text;
  }

  function updateList() {
    const { counts, labels, filter: meant } = workspace;
    setText(find(aside, ".images-counts"), countsText(counts));
    setText(find(aside, ".images-pace"), act.pace());
    setText(find(aside, ".images-none"), isFiltering(meant) ? "No image is like that." : "There are no images in this folder.");
    if (shownLabels === labels) return;
    shownLabels = labels;
    fillOptions(label, [["", "Any label"], ...labels.map((one) => /** @type {[string, string]} */ ([one.name, one.name]))]);
  }

  function toggle() {
    folded = !folded;
    rememberFolded(folded);
    update();
    if (!folded) act.unfold();
  }

  function update() {
    const on = workspace.kind === "folder";
    root.classList.toggle("has-folder", on);
    root.classList.toggle("list-folded", folded);
    bar.hidden = !on;
    aside.hidden = !on || folded;
    button("toggle-list").setAttribute("aria-expanded", String(!folded));
    if (!on) return;
    updateBar();
    updateList();
  }

  return { update, toggle };
}

/** Where nothing was chosen yet, the list is folded away on a narrow page. */
function recallFolded() {
  try {
    const kept = localStorage.getItem(KEY);
    if (kept) return kept === "folded";
  } catch {
    // a frame in which a browser forbids that
  }
  return window.matchMedia("(max-width: 860px)").matches;
}

/** @param {boolean} folded */
function rememberFolded(folded) {
  try {
    localStorage.setItem(KEY, folded ? "folded" : "open");
  } catch {
    // the page works all the same
  }
}
