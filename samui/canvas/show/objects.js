// The list of objects in the panel, one row each.

import { nameOf } from "../core/objects.js";
import { areaText } from "../core/texts.js";
import { find, press, setText } from "./dom.js";

/** @import { ObjectOfPage } from "../core/objects.js" */
/** @import { State } from "../core/state.js" */
/** @import { Label } from "./label.js" */

/**
 * What a row does with its object, by id.
 * @typedef {object} RowActions
 * @property {(id: number, visible: boolean) => void} show
 * @property {(id: number, colour: string) => void} recolour
 * @property {(id: number, label: string) => void} relabel
 * @property {(id: number) => void} reopen
 * @property {(id: number) => void} save
 * @property {(id: number) => void} remove
 */
/** @typedef {{row: HTMLElement, object: ObjectOfPage | null}} Row */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {Label} label
 * @param {RowActions} act
 */
export function createObjects(root, state, label, act) {
  const list = find(root, ".objects-list");
  const template = find(root, ".object-row", HTMLTemplateElement);
  const count = find(root, ".count");
  const none = find(root, ".none");
  /** @type {Map<number, Row>} */
  const rows = new Map(); // by object id
  let shownObjects = /** @type {unknown} */ (null);
  let shownActive = /** @type {number | null} */ (null);

  /** @param {number} id */
  function createRow(id) {
    const row = /** @type {HTMLElement} */ (find(template.content, ".object").cloneNode(true));
    /** @type {Row} */
    const known = { row, object: null };
    const colour = find(row, ".colour", HTMLInputElement);
    const own = find(row, ".object-label", HTMLInputElement);
    find(row, ".visible").addEventListener("click", () => act.show(id, !(known.object && known.object.visible)));
    colour.addEventListener("change", () => act.recolour(id, colour.value));
    own.addEventListener("change", () => act.relabel(id, own.value.trim()));
    own.addEventListener("keydown", (event) => event.key === "Enter" && own.blur());
    find(row, ".reopen").addEventListener("click", () => act.reopen(id));
    find(row, ".save").addEventListener("click", () => act.save(id));
    find(row, ".delete").addEventListener("click", () => act.remove(id));
    row.addEventListener("dblclick", ({ target }) => {
      if (target instanceof Element && !target.closest("button, input")) act.reopen(id);
    });
    rows.set(id, known);
    return known;
  }

  /**
   * @param {Row} known
   * @param {ObjectOfPage} object
   */
  function fillRow(known, object) {
    known.object = object;
    const { row } = known;
    const name = nameOf(object);
    /** @type {(selector: string, text: string) => void} */
    const speak = (selector, text) => {
      find(row, selector).setAttribute("aria-label", text);
      find(row, selector).title = text;
    };
    press(find(row, ".visible"), object.visible);
    find(row, ".colour", HTMLInputElement).value = object.colour;
    const own = find(row, ".object-label", HTMLInputElement);
    if (document.activeElement !== own) own.value = object.label || "";
    setText(find(row, ".area"), areaText(object.area));
    row.classList.toggle("hidden-object", !object.visible);
    row.setAttribute("aria-label", name);
    speak(".visible", `${object.visible ? "Hide" : "Show"} ${name}`);
    speak(".colour", `Colour of ${name}`);
    speak(".object-label", `Label of ${name}`);
    speak(".reopen", `Reopen ${name}`);
    speak(".save", `Save ${name}`);
    speak(".delete", `Delete ${name}`);
  }

  function removeRows() {
    const present = new Set(state.objects.map(({ id }) => id));
    for (const [id, { row }] of rows) {
      if (present.has(id)) continue;
      row.remove();
      rows.delete(id);
    }
  }

  return {
    update() {
      if (shownObjects === state.objects && shownActive === state.active) return;
      shownObjects = state.objects;
      shownActive = state.active;
      const more = state.objects.length > rows.size;
      removeRows();
      state.objects.forEach((object, index) => {
        const known = rows.get(object.id) || createRow(object.id);
        if (known.object !== object) fillRow(known, object);
        known.row.classList.toggle("active", object.id === state.active);
        if (list.children[index] !== known.row) list.insertBefore(known.row, list.children[index] || null);
        label.remember(object.label);
      });
      if (more) list.scrollTop = list.scrollHeight;
      setText(count, String(state.objects.length));
      none.hidden = state.objects.length > 0;
    },
  };
}
