// The list of the folder's images: as many rows as are in sight, moved and filled anew while it is scrolled. What they
// show comes in parts, and thumbnails are asked for where the list rests.

import { createParts, rowsInSight, scrollFor } from "../core/window.js";
import { STATE_NAMES } from "../core/workspace.js";
import { find, setText } from "./dom.js";

/** @import { Row } from "../core/workspace.js" */
/** @typedef {ReturnType<typeof createList>} List */

const ROW = 52; // CSS px, as `.image-row` has it in folder.css
const PART = 100; // rows asked for at once
const PARTS = 40; // kept
const REST = 90; // ms without scrolling after which thumbnails are asked for

/**
 * @param {HTMLElement} root
 * @param {object} parts
 * @param {(offset: number, limit: number) => Promise<{count: number, rows: Row[]} | null>} parts.ask  for rows
 * @param {(image: string) => string} parts.thumbnail  its address
 * @param {(row: Row) => void} parts.open
 */
export function createList(root, { ask, thumbnail, open }) {
  const list = find(root, ".images-list");
  const space = find(list, ".images-space");
  const template = find(root, ".image-row-template", HTMLTemplateElement);
  /** @type {ReturnType<typeof createParts<Row>>} */
  const known = createParts(PART, PARTS);
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map(); // elements of rows by index
  /** @type {HTMLElement[]} */
  const spare = [];
  const asked = new Set();
  let count = 0;
  let version = 0; // of the list: what was asked for before it changed is not taken
  let current = -1; // index of the row that the keyboard is at
  /** @type {string | null} */
  let openImage = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let resting;
  let frame = 0;

  const sight = () => ({ top: list.scrollTop, height: list.clientHeight, row: ROW, count });

  function draw() {
    frame = 0;
    if (list.clientHeight === 0) return; // folded away
    const range = rowsInSight(sight());
    for (const [index, element] of shown) {
      if (index >= range.first && index < range.end) continue;
      shown.delete(index);
      release(element);
    }
    for (let index = range.first; index < range.end; index++) {
      const element = shown.get(index) || take(index);
      fill(element, index);
    }
    for (const part of known.missing(range)) load(part);
    clearTimeout(resting);
    resting = setTimeout(showPictures, REST);
  }

  function soon() {
    if (!frame) frame = requestAnimationFrame(draw);
  }

  /** @param {number} index */
  function take(index) {
    let element = spare.pop();
    if (!element) {
      element = /** @type {HTMLElement} */ (find(template.content, ".image-row").cloneNode(true));
      space.append(element);
    }
    element.hidden = false;
    element.id = `samui-image-${index}`;
    element.style.transform = `translateY(${index * ROW}px)`;
    element.dataset.index = String(index);
    shown.set(index, element);
    return element;
  }

  /** @param {HTMLElement} element */
  function release(element) {
    element.hidden = true;
    element.removeAttribute("id");
    element.dataset.image = "";
    find(element, "img", HTMLImageElement).removeAttribute("src"); // what is on its way is not wanted any more
    spare.push(element);
  }

  /**
   * @param {HTMLElement} element
   * @param {number} index
   */
  function fill(element, index) {
    const row = known.row(index);
    const image = row ? row.image : "";
    if (element.dataset.image !== image) {
      element.dataset.image = image;
      find(element, "img", HTMLImageElement).removeAttribute("src");
    }
    element.setAttribute("aria-posinset", String(index + 1));
    element.setAttribute("aria-setsize", String(count));
    element.setAttribute("aria-selected", String(Boolean(image) && image === openImage));
    element.classList.toggle("current", index === current);
    element.dataset.state = row ? row.state : "";
    if (!row) {
      setText(find(element, ".image-name"), "");
      setText(find(element, ".image-told"), "");
      element.setAttribute("aria-label", "Loading");
      return;
    }
    const told = toldOf(row);
    setText(find(element, ".image-name"), nameOf(row.path));
    setText(find(element, ".image-told"), told);
    element.title = row.note ? `${row.path}\n${row.note}` : row.path;
    element.setAttribute("aria-label", `${row.path}, ${told}`);
  }

  /** The list rests: ask for the thumbnails that are in sight. */
  function showPictures() {
    const { first, end } = rowsInSight({ ...sight(), spare: 1 });
    for (const [index, element] of shown) {
      const picture = find(element, "img", HTMLImageElement);
      const { image } = element.dataset;
      if (image && index >= first && index < end && !picture.hasAttribute("src")) picture.src = thumbnail(image);
    }
  }

  /** @param {number} part */
  async function load(part) {
    if (asked.has(part)) return;
    asked.add(part);
    const mine = version;
    const told = await ask(part * PART, PART);
    if (mine !== version) return;
    asked.delete(part);
    if (!told) return;
    known.put(part, told.rows);
    resize(told.count);
    soon();
  }

  /** @param {number} rows */
  function resize(rows) {
    if (rows === count) return;
    count = rows;
    space.style.height = `${count * ROW}px`;
    find(root, ".images-none").hidden = count > 0;
  }

  /** @param {number} index */
  function moveTo(index) {
    if (count === 0) return;
    current = Math.max(0, Math.min(index, count - 1));
    list.scrollTop = scrollFor(sight(), current);
    draw();
    list.setAttribute("aria-activedescendant", `samui-image-${current}`);
  }

  /** All rows may be others: ask again for those in sight. What is shown stays until the answer is there. */
  function renew() {
    version += 1;
    asked.clear();
    const range = rowsInSight(sight());
    /** @type {Set<number>} */
    const parts = new Set();
    for (let index = range.first; index < Math.max(range.end, range.first + 1); index++) parts.add(Math.floor(index / PART));
    const mine = version;
    Promise.all([...parts].map(async (part) => ({ part, told: await ask(part * PART, PART) }))).then((all) => {
      if (mine !== version) return;
      known.clear();
      for (const { part, told } of all) {
        if (!told) continue;
        known.put(part, told.rows);
        resize(told.count);
      }
      draw();
    });
  }

  list.addEventListener("scroll", soon, { passive: true });
  list.addEventListener("click", ({ target }) => {
    const element = target instanceof Element && target.closest(".image-row");
    if (!(element instanceof HTMLElement)) return;
    current = Number(element.dataset.index);
    const row = known.row(current);
    if (row) open(row);
    soon();
  });
  list.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    /** @type {{[key: string]: number}} */
    const steps = {
      ArrowDown: current + 1, ArrowUp: current - 1, PageDown: current + page, PageUp: current - page, Home: 0, End: count - 1,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) moveTo(steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") {
      const row = known.row(current);
      if (row) open(row);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(soon).observe(list);

  return {
    renew,
    /**
     * Another list from its beginning: another filter.
     */
    restart() {
      list.scrollTop = 0;
      current = -1;
      renew();
    },
    /**
     * Show which image is open. index: its place in the list, null if it is not in it.
     * @param {string | null} image
     * @param {number | null} index
     */
    mark(image, index) {
      openImage = image;
      if (index !== null) moveTo(index);
      else soon();
    },
    /**
     * An image of the list has changed.
     * @param {Row} row
     */
    update(row) {
      known.replace(row, ({ image }) => image === row.image);
      soon();
    },
    /** The list is there again, after it was folded away. */
    unfold() {
      draw();
      renew();
    },
  };
}

/** @param {string} path */
function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** @param {Row} row */
function toldOf({ state, objects }) {
  const kept = objects === 1 ? "1 object" : objects > 1 ? `${objects.toLocaleString("en")} objects` : "";
  return [STATE_NAMES[state], kept].filter(Boolean).join(" · ");
}
