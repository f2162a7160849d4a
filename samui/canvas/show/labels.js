// The labels of the workspace: as buttons that choose one for the next objects, and in a dialog that changes them.

import { keysOf, moved } from "../core/workspace.js";
import { find, press, setText } from "./dom.js";

/** @import { Label } from "../core/workspace.js" */
/** @import { State } from "../core/state.js" */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {() => string} chosen  the label that the next objects get
 * @param {object} act
 * @param {(name: string) => void} act.choose
 * @param {(change: {change: string, [field: string]: unknown}) => void} act.change
 */
export function createLabels(root, state, chosen, act) {
  const { workspace } = state;
  const buttons = find(root, ".labels");
  const dialog = find(root, ".labels-dialog", HTMLDialogElement);
  const rows = find(dialog, ".label-rows");
  const template = find(root, ".label-row-template", HTMLTemplateElement);
  let shown = /** @type {unknown} */ (null);
  let shownChosen = "";

  /**
   * @param {Label} label
   * @param {string} key
   */
  function button({ name, colour, objects }, key) {
    const made = document.createElement("button");
    const dot = document.createElement("span");
    const text = document.createElement("span");
    made.type = "button";
    made.className = "tool wide label-button";
    made.dataset.label = name;
    made.title = key ? `${name} (Alt+${key.toUpperCase()})` : name;
    made.setAttribute("aria-label", `Label ${name}, ${objects === 1 ? "1 object" : `${objects} objects`}`);
    dot.className = "label-dot";
    dot.style.background = colour;
    text.className = "label-text";
    text.textContent = name;
    made.append(dot, text);
    if (key) {
      const told = document.createElement("kbd");
      told.textContent = key;
      made.append(told);
    }
    made.addEventListener("click", () => act.choose(name));
    return made;
  }

  /**
   * @param {Label} label
   * @param {number} index
   */
  function row({ name, colour, key, objects }, index) {
    const made = /** @type {HTMLElement} */ (find(template.content, ".label-row").cloneNode(true));
    const own = find(made, ".label-name", HTMLInputElement);
    const tint = find(made, ".label-colour", HTMLInputElement);
    const letter = find(made, ".label-key", HTMLInputElement);
    /** @type {(element: HTMLElement, text: string) => void} */
    const speak = (element, text) => {
      element.setAttribute("aria-label", text);
      element.title = text;
    };
    own.value = name;
    own.readOnly = workspace.fixed;
    tint.value = colour;
    letter.value = key;
    letter.placeholder = keysOf(workspace.labels)[index];
    setText(find(made, ".label-objects"), objects.toLocaleString("en"));
    speak(own, `Name of ${name}; the name of another label merges the two`);
    speak(tint, `Colour of ${name}`);
    speak(letter, `Key of ${name}, together with Alt`);
    speak(find(made, ".up"), `Move ${name} up`);
    speak(find(made, ".down"), `Move ${name} down`);
    find(made, ".up", HTMLButtonElement).disabled = workspace.fixed || index === 0;
    find(made, ".down", HTMLButtonElement).disabled = workspace.fixed || index + 1 === workspace.labels.length;
    own.addEventListener("change", () => {
      const text = own.value.trim();
      if (text && text !== name) act.change({ change: "rename", name, to: text });
      else own.value = name;
    });
    own.addEventListener("keydown", (event) => event.key === "Enter" && own.blur());
    tint.addEventListener("change", () => act.change({ change: "edit", name, colour: tint.value }));
    letter.addEventListener("change", () => act.change({ change: "edit", name, key: letter.value.trim().toLowerCase() }));
    find(made, ".up").addEventListener("click", () => act.change({ change: "order", names: moved(workspace.labels, name, -1) }));
    find(made, ".down").addEventListener("click", () => act.change({ change: "order", names: moved(workspace.labels, name, 1) }));
    return made;
  }

  const add = find(dialog, ".label-new", HTMLInputElement);
  add.addEventListener("keydown", (event) => {
    const name = add.value.trim();
    if (event.key !== "Enter" || !name) return;
    event.preventDefault();
    add.value = "";
    act.change({ change: "add", name });
  });

  return {
    open: () => dialog.showModal(),
    close: () => dialog.close(),
    /** @param {string} text */
    tell: (text) => setText(find(dialog, ".labels-told"), text),
    update() {
      find(root, ".label-list").hidden = workspace.kind === null;
      const now = chosen();
      if (shown !== workspace.labels) {
        const keys = keysOf(workspace.labels);
        buttons.replaceChildren(...workspace.labels.map((label, i) => button(label, keys[i])));
        rows.replaceChildren(...workspace.labels.map(row));
        find(dialog, ".label-add").hidden = workspace.fixed;
        find(dialog, ".labels-none").hidden = workspace.labels.length > 0;
      } else if (now === shownChosen) return;
      shown = workspace.labels;
      shownChosen = now;
      for (const each of buttons.children) press(each, each instanceof HTMLElement && each.dataset.label === now);
    },
  };
}
