// What a tool is. Only types. To add a tool, write a file like those beside this one and add it to the list in
// `pointer.js`.

/** @import { Prompt } from "../core/messages.js" */
/** @import { At } from "../core/geometry.js" */
/** @import { Edit } from "../core/prompt.js" */
/** @import { State } from "../core/state.js" */
/** @import { Finding } from "../work/finding.js" */
/** @import { Preview } from "../work/preview.js" */
/** @import { Prompting } from "../work/prompting.js" */
/** @import { View } from "../show/view.js" */

/**
 * Where a pointer is, with all that a tool may need to decide.
 * @typedef {object} Spot
 * @property {At} at  CSS px from the top left corner of the canvas
 * @property {At} on  the same in image px
 * @property {number} grasp  CSS px round points and handles that still count as theirs
 * @property {boolean} shift
 * @property {number} button  0 left, 1 middle, 2 right, -1 none
 */

/**
 * A pointer that went down, until it is released or the gesture is called off.
 * @typedef {object} Press
 * @property {Tool} tool
 * @property {number | null} id  of the pointer; null: any
 * @property {Spot} start
 * @property {any} target  what the tool has found there
 * @property {At} at  CSS px where the pointer is now
 * @property {At} to  the same in image px
 * @property {boolean} drags  whether it can become a drag: not by the right button
 * @property {boolean} exclude
 * @property {number} tolerance  CSS px that a click may drift
 * @property {boolean} moved  whether it has become a drag
 * @property {Prompt} before  the prompt shown when it went down
 * @property {At[]} fingers  CSS px, all that are down
 */

/**
 * What a pointer does, chosen when it goes down. Only `find` must be there.
 * @typedef {object} Tool
 * @property {(spot: Spot) => any} find  what the tool has there, or null: the press is for another tool
 * @property {(press: Press) => void} [press]  it went down
 * @property {(press: Press) => void} [move]  it moves as a drag; without this, its `edit` is applied
 * @property {(press: Press, time: number) => void} release  it is kept; time: ms of the event
 * @property {() => void} [cancel]  it is called off: released elsewhere, escaped from, or another finger came
 * @property {(press: Press) => Edit | null} [edit]  what a release here would do to the prompt
 * @property {(press: Press) => Edit | null} [hold]  what a finger that stays in place does
 * @property {(spot: Spot, target: any) => void} [over]  a pointer passes without a button
 * @property {(target: any) => string} cursor  CSS cursor over what was found
 */

/**
 * What tools work with.
 * @typedef {object} Bench
 * @property {State} state
 * @property {View} view
 * @property {() => Prompt} prompt  the prompt to show
 * @property {Prompting} prompting
 * @property {Preview} preview
 * @property {Finding} finding
 * @property {() => void} changed  updates toolbar and panel
 */
