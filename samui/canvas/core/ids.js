// Names that nothing else has. Pure but for chance.

/** 32 hexadecimal digits; `crypto.randomUUID` is not there where a page comes over plain HTTP. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
