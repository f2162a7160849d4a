// Elements of the page, and changes to them that a screen reader need not announce.

/**
 * The first element that matches a selector; the page has one.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function find(root, selector, kind = /** @type {any} */ (HTMLElement)) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`${selector}: must be a ${kind.name} of the page`);
  return found;
}

/**
 * The 2D context of a canvas.
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 */
export function context2d(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * Set text only if it changes: otherwise a live region speaks again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Whether a button shows as pressed.
 * @param {Element} button
 * @param {boolean} pressed
 */
export function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/**
 * Options [value, text] of a select; the chosen one stays chosen if it can.
 * @param {HTMLSelectElement} select
 * @param {[value: string, text: string][]} options
 */
export function fillOptions(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}
