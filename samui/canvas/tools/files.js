// Image files that come in: chosen, dropped on the tool, or pasted.

import { find } from "../show/dom.js";

/** Endings of files of masks that are no pictures. */
export const MASKS = [".json", ".geojson", ".xml", ".zip", ".svg", ".npz", ".png", ".tif", ".tiff"];
const PICTURES = new Set([".png", ".tif", ".tiff"]);

/**
 * Whether a file that comes in without being asked for holds masks, by its name.
 * @param {string} name
 */
export function isMasks(name) {
  return MASKS.some((ending) => !PICTURES.has(ending) && name.toLowerCase().endsWith(ending));
}

/**
 * Let a person choose a file.
 * @param {string[]} endings
 * @param {(file: File) => void} take
 */
export function chooseFile(endings, take) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = endings.join(",");
  input.addEventListener("change", () => {
    const file = input.files && input.files[0];
    if (file) take(file);
  });
  input.click();
}

/**
 * @param {HTMLElement} root
 * @param {(file: File | undefined) => void} open
 */
export function acceptFiles(root, open) {
  const input = find(root, ".file", HTMLInputElement);
  let depth = 0; // dragenter and dragleave also come from the children

  /**
   * @param {number} change
   * @returns {(event: DragEvent) => void}
   */
  const dragging = (change) => (event) => {
    if (!event.dataTransfer || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    depth = Math.max(0, depth + change);
    root.classList.toggle("dropping", depth > 0);
  };

  input.addEventListener("change", () => {
    open(input.files ? input.files[0] : undefined);
    input.value = "";
  });
  root.addEventListener("dragenter", dragging(1));
  root.addEventListener("dragover", dragging(0));
  root.addEventListener("dragleave", dragging(-1));
  root.addEventListener("drop", (event) => {
    const file = event.dataTransfer && event.dataTransfer.files[0];
    if (!file) return;
    event.preventDefault();
    depth = 0;
    root.classList.remove("dropping");
    open(file);
  });
  document.addEventListener("paste", (event) => {
    if (!root.isConnected || !event.clipboardData) return;
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    open(file);
  });
}
