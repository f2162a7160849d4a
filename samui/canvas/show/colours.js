// Colours that more than one part of the page paints with, [red, green, blue].

/** @type {[number, number, number]} */
export const ACTIVE_COLOUR = [56, 152, 255];
/** @type {[number, number, number]} */
export const WHITE = [255, 255, 255];
