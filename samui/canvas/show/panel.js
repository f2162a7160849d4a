// The side panel's fields: what is saved, and which model is used.

import { nameOf } from "../core/objects.js";
import { fillOptions, find, setText } from "./dom.js";

/** @import { State } from "../core/state.js" */
/** @typedef {ReturnType<typeof createPanel>} Panel */

/**
 * @param {HTMLElement} root
 * @param {State} state
 * @param {(name: string) => void} loadModel
 */
export function createPanel(root, state, loadModel) {
  const format = find(root, ".format", HTMLSelectElement);
  const scope = find(root, ".scope", HTMLSelectElement);
  const save = find(root, ".save-button", HTMLButtonElement);
  const modelList = find(root, ".model-list", HTMLSelectElement);
  const modelName = find(root, ".model-name", HTMLInputElement);
  let shownSettings = /** @type {unknown} */ (null);
  let shownObjects = /** @type {unknown} */ (null);

  modelList.addEventListener("change", () => loadModel(modelList.value));
  modelName.addEventListener("keydown", (event) => {
    if (event.key === "Enter") loadModel(modelName.value.trim());
  });
  modelName.addEventListener("focus", () => modelName.select());
  modelName.addEventListener("input", tellModel);

  /** What is known of the model whose name is in the field; of the one in use, why it is. */
  function tellModel() {
    const { models = [], model } = state.settings;
    const name = modelName.hidden ? modelList.value : modelName.value.trim();
    const known = models.find((one) => one.name === name);
    const parts = [known?.told, model && model.name === name ? model.note : ""];
    setText(find(root, ".model-note"), parts.filter(Boolean).join(". "));
  }

  function updateSettings() {
    shownSettings = state.settings;
    const { formats = [], models = [], model, hosted } = state.settings;
    fillOptions(format, formats.map(({ name, title }) => [name, title]));
    /** @type {[string, string][]} */
    const titles = models.map(({ name, title }) => [name, title]);
    const listed = !model || models.some(({ name }) => name === model.name);
    if (!listed) titles.unshift([model.name, model.title || model.name]);
    fillOptions(modelList, titles);
    // Browsers look for what is typed in the names and in these texts.
    const texts = new Map(models.map(({ name, told }) => [name, told]));
    find(root, "#samui-models").replaceChildren(
      ...titles.map(([name, title]) => new Option([title, texts.get(name)].filter(Boolean).join(": "), name)),
    );
    modelList.hidden = !hosted;
    modelName.hidden = Boolean(hosted);
    find(root, ".load-button").hidden = Boolean(hosted);
    if (!model) return;
    modelList.value = model.name;
    if (document.activeElement !== modelName) modelName.value = model.name;
    tellModel();
  }

  function updateScope() {
    shownObjects = state.objects;
    const chosen = scope.value;
    fillOptions(scope, [["", "All objects"], ...state.objects.map(option)]);
    scope.value = [...scope.options].some(({ value }) => value === chosen) ? chosen : "";
  }

  return {
    update() {
      if (shownSettings !== state.settings) updateSettings();
      if (shownObjects !== state.objects) updateScope();
      save.disabled = state.objects.length === 0 || state.saving;
    },
    modelName: () => modelName.value.trim(),
    /**
     * What to save: a format, and the id of an object or null for all.
     * @param {number} [object]  instead of the chosen ones
     * @returns {{format: string, object: number | null}}
     */
    request(object) {
      const chosen = object ?? state.objects.find(({ id }) => String(id) === scope.value)?.id;
      return { format: format.value, object: chosen ?? null };
    },
    /** Show the model in use, after another one could not be loaded. */
    resetModel: updateSettings,
  };
}

/**
 * Value and text of an object in a select.
 * @param {{id: number, label: string}} object
 * @returns {[string, string]}
 */
function option(object) {
  return [String(object.id), nameOf(object)];
}
