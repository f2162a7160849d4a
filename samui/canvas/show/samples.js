// The sample pictures offered on the empty page and in the panel.

/** @typedef {{name: string, title: string, url: string}} Sample */

/**
 * @param {HTMLElement} root
 * @param {Sample[]} samples
 * @param {(name: string) => void} open
 */
export function offerSamples(root, samples, open) {
  for (const place of root.querySelectorAll(".samples.offered")) {
    place.replaceChildren(...samples.map((sample) => createButton(sample, open)));
  }
  root.classList.toggle("has-samples", samples.length > 0);
}

/**
 * @param {Sample} sample
 * @param {(name: string) => void} open
 */
function createButton({ name, title, url }, open) {
  const button = document.createElement("button");
  const picture = document.createElement("img");
  const text = document.createElement("span");
  button.type = "button";
  button.className = "sample";
  button.title = title;
  button.setAttribute("aria-label", `Open the sample ${title}`);
  picture.src = new URL(url, document.baseURI).href;
  picture.alt = "";
  text.textContent = title;
  button.append(picture, text);
  button.addEventListener("click", () => open(name));
  return button;
}
