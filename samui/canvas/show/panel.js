// The side panel: label, objects, saving and the model.

import { areaText } from "../core/texts.js";
import { press, setText } from "./toolbar.js";

/** act: {relabel, recolour, show, reopen, delete, saveObject, label, model}, see canvas.js. */
export function createPanel(root, state, act) {
  const find = (selector) => root.querySelector(selector);
  const list = find(".objects-list");
  const template = find(".object-row");
  const label = find(".label");
  const labels = find("#samui-labels");
  const format = find(".format");
  const scope = find(".scope");
  const modelList = find(".model-list");
  const modelName = find(".model-name");
  const rows = new Map(); // object id -> {row, object}
  const used = new Set();
  let shownObjects = null;
  let shownActive = null;
  let shownLabel = "";
  let shownSettings = null;

  label.addEventListener("change", () => remember(label.value.trim()));
  label.addEventListener("keydown", (event) => {
    if (event.key === "Enter") root.querySelector("#samui-canvas").focus();
  });
  modelList.addEventListener("change", () => act.model(modelList.value));
  modelName.addEventListener("keydown", (event) => {
    if (event.key === "Enter") act.model(modelName.value.trim());
  });

  /** Show the state in the panel. */
  function update() {
    if (shownSettings !== state.settings) updateSettings();
    updateLabel();
    if (shownObjects !== state.objects || shownActive !== state.active) updateObjects();
    find(".save-button").disabled = state.objects.length === 0 || state.saving;
  }

  /** What is typed stays, over images too, until the server says otherwise or an object with its own is reopened. */
  function updateLabel() {
    const reopened = state.active !== null && state.active !== shownActive;
    if (!reopened && state.label === shownLabel) return;
    if (reopened || state.label) label.value = state.label;
    shownLabel = state.label;
  }

  function updateSettings() {
    shownSettings = state.settings;
    const { formats = [], models = [], model, hosted } = state.settings;
    fillOptions(format, formats.map(({ name, title }) => [name, title]));
    const titles = models.map(({ name, title }) => [name, title]);
    const listed = !model || models.some(({ name }) => name === model.name);
    if (!listed) titles.unshift([model.name, model.title || model.name]);
    fillOptions(modelList, titles);
    find("#samui-models").replaceChildren(...titles.map(([name, title]) => new Option(title, name)));
    modelList.hidden = !hosted;
    modelName.hidden = Boolean(hosted);
    find(".load-button").hidden = Boolean(hosted);
    if (model) {
      modelList.value = model.name;
      if (document.activeElement !== modelName) modelName.value = model.name;
      setText(find(".model-note"), model.note || "");
    }
  }

  function updateObjects() {
    const more = state.objects.length > rows.size;
    shownObjects = state.objects;
    shownActive = state.active;
    const present = new Set(state.objects.map((object) => object.id));
    for (const [id, { row }] of rows) {
      if (present.has(id)) continue;
      row.remove();
      rows.delete(id);
    }
    state.objects.forEach((object, index) => {
      const known = rows.get(object.id) || createRow(object.id);
      if (known.object !== object) fillRowOf(known, object);
      known.row.classList.toggle("active", object.id === state.active);
      if (list.children[index] !== known.row) list.insertBefore(known.row, list.children[index] || null);
      remember(object.label);
    });
    if (more) list.scrollTop = list.scrollHeight;
    setText(find(".count"), String(state.objects.length));
    find(".none").hidden = state.objects.length > 0;
    const chosen = scope.value;
    fillOptions(scope, [["", "All objects"], ...state.objects.map((object) => [String(object.id), nameOf(object)])]);
    scope.value = [...scope.options].some((option) => option.value === chosen) ? chosen : "";
  }

  function createRow(id) {
    const row = template.content.firstElementChild.cloneNode(true);
    const part = (name) => row.querySelector(name);
    const known = { row, object: null };
    part(".visible").addEventListener("click", () => act.show(id, !known.object.visible));
    part(".colour").addEventListener("change", (event) => act.recolour(id, event.target.value));
    part(".object-label").addEventListener("change", (event) => act.relabel(id, event.target.value.trim()));
    part(".object-label").addEventListener("keydown", (event) => event.key === "Enter" && event.target.blur());
    part(".reopen").addEventListener("click", () => act.reopen(id));
    part(".save").addEventListener("click", () => act.saveObject(id));
    part(".delete").addEventListener("click", () => act.delete(id));
    row.addEventListener("dblclick", (event) => {
      if (!event.target.closest("button, input")) act.reopen(id);
    });
    rows.set(id, known);
    return known;
  }

  function fillRowOf(known, object) {
    known.object = object;
    const { row } = known;
    const name = nameOf(object);
    const part = (selector) => row.querySelector(selector);
    const speak = (selector, text) => {
      part(selector).setAttribute("aria-label", text);
      part(selector).title = text;
    };
    press(part(".visible"), object.visible);
    part(".colour").value = object.colour;
    if (document.activeElement !== part(".object-label")) part(".object-label").value = object.label || "";
    setText(part(".area"), areaText(object.area));
    row.classList.toggle("hidden-object", !object.visible);
    row.setAttribute("aria-label", name);
    speak(".visible", `${object.visible ? "Hide" : "Show"} ${name}`);
    speak(".colour", `Colour of ${name}`);
    speak(".object-label", `Label of ${name}`);
    speak(".reopen", `Reopen ${name}`);
    speak(".save", `Save ${name}`);
    speak(".delete", `Delete ${name}`);
  }

  function remember(text) {
    if (!text || used.has(text)) return;
    used.add(text);
    labels.append(new Option(text, text));
  }

  return {
    update,
    label: () => label.value.trim(),
    modelName: () => modelName.value.trim(),
    /** What to save: {format, object: id or null for all}. */
    request(object) {
      const chosen = object !== undefined ? object : state.objects.find(({ id }) => String(id) === scope.value)?.id;
      return { format: format.value, object: chosen === undefined ? null : chosen };
    },
    /** Show the model that is in use, after another one could not be loaded. */
    resetModel: updateSettings,
  };
}

/** What an object is called where it has no label. */
function nameOf(object) {
  return object.label ? `${object.label} (${object.id})` : `object ${object.id}`;
}

/** Options [value, text] of a select; the chosen one stays chosen if it can. */
function fillOptions(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}
