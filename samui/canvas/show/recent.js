// The images that were opened last, of those that the library keeps: on the empty page and in the panel.

import { find } from "./dom.js";

/** @import { Row } from "../core/workspace.js" */

const SHOWN = 12;

/**
 * @param {HTMLElement} root
 * @param {object} parts
 * @param {(image: string) => string} parts.thumbnail  its address
 * @param {(image: string) => void} parts.open
 */
export function createRecent(root, { thumbnail, open }) {
  /** @param {Row} row */
  function button({ image, path, objects }) {
    const made = document.createElement("button");
    const picture = document.createElement("img");
    const name = document.createElement("span");
    const kept = document.createElement("span");
    made.type = "button";
    made.className = "sample recent";
    made.title = path;
    made.setAttribute("aria-label", `Open ${path} again, ${objects === 1 ? "1 object" : `${objects} objects`}`);
    picture.loading = "lazy";
    picture.alt = "";
    picture.src = thumbnail(image);
    name.textContent = path;
    kept.className = "recent-count";
    kept.textContent = objects ? String(objects) : "";
    made.append(picture, name, kept);
    made.addEventListener("click", () => open(image));
    return made;
  }

  return {
    /**
     * Show other images, the newest first.
     * @param {Row[]} rows
     * @param {string | null} but  image of the one that is open
     */
    show(rows, but) {
      const others = rows.filter(({ image }) => image !== but).slice(0, SHOWN);
      root.classList.toggle("has-recent", others.length > 0);
      for (const place of root.querySelectorAll(".recents")) place.replaceChildren(...others.map(button));
      find(root, ".recent-images").hidden = others.length === 0;
    },
  };
}
