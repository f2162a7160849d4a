// What page and server send each other, as `samui.serve.wire`, `describe` and `service` have it. Types alone.

/** @typedef {[x: number, y: number, label: number]} Point  Image px; label 1 includes, 0 excludes. */
/** @typedef {[x0: number, y0: number, x1: number, y1: number]} Box  Image px, x0 < x1 and y0 < y1. */
/** @typedef {{points: Point[], box: Box | null}} Prompt */

/**
 * A mask as COCO's compressed run lengths, column by column.
 * @typedef {object} WireMask
 * @property {[height: number, width: number]} size
 * @property {string} counts
 * @property {Box | null} box
 * @property {number} area  px
 */

/**
 * @typedef {object} Candidate
 * @property {number} index  its place in the model's own order
 * @property {number} score  predicted IoU
 * @property {number} area
 * @property {Box | null} box
 * @property {{size: [number, number], counts: string}} thumb  over the whole image, small
 * @property {number | null} [like]  place of a better one that looks the same
 */

/**
 * An object of a reply; its mask is left out where the page has it.
 * @typedef {object} WireObject
 * @property {number} id
 * @property {string} label
 * @property {string} colour  "#rrggbb"
 * @property {boolean} visible
 * @property {number} area
 * @property {Box | null} box
 * @property {number} score
 * @property {WireMask | null} [mask]
 */

/** @typedef {{id: number, mask: WireMask, score: number, stability: number, colour: string}} WireFound */
/** @typedef {{run: number, running: boolean, masks?: WireFound[]}} ToldFound */
/** @typedef {{undo: boolean, redo: boolean, accept: boolean}} Can */
/** @typedef {Record<string, number | null>} Timings  ms: encode, decode, ahead, snap ... */

/**
 * A request of `act`. Beside these fields each action has its own.
 * @typedef {object} Request
 * @property {string | null} token  of the seat
 * @property {number} epoch  of the image that it is about
 * @property {number} rev  rising number of the page; 0 for what may be asked out of order
 * @property {number} [seen]  serial of the reply that was applied last
 * @property {string} action
 * @property {Point[]} [points]
 * @property {Box | null} [box]
 * @property {boolean} [close_ups]  answered from closer views, too
 */

/**
 * A reply of `act`: only what the page does not have yet.
 * @typedef {object} Reply
 * @property {true} ok
 * @property {number} [epoch]
 * @property {number} [rev]
 * @property {number} [serial]
 * @property {Prompt & {object?: number | null}} [prompt]  object: id of the one that is reopened
 * @property {Candidate[]} [candidates]  best first
 * @property {number | null} [candidate]  which of them is chosen
 * @property {WireMask | null} [mask]
 * @property {{order: number[], changed: WireObject[]}} [objects]
 * @property {{taken: number[], rejected: number[]}} [gone]  ids of found masks
 * @property {ToldFound} [found]
 * @property {string} [label]
 * @property {boolean} [snap]
 * @property {Can} [can]
 * @property {Timings} [timings]
 * @property {boolean} [overtaken]  a newer prompt came before it was decoded
 * @property {boolean} [saved]  false: the objects changed, and the store could not keep that yet
 * @property {boolean} [moved]  the seat went back to the image before
 * @property {{mask: WireMask | null, score: number}} [hover]
 */

/**
 * The envelope of an error. kind: what the page does about it; "session": begin anew, "epoch": the image has changed.
 * @typedef {{ok: false, error: string, kind: string, epoch?: number, rev?: number}} Refusal
 */

/** @typedef {{url: string, width: number, height: number, name: string, notes?: string[]}} OpenImage */
/** @typedef {"empty" | "reading" | "image" | "encoding" | "ready"} Stage */
/** @typedef {{min: number, max: number}} Range */

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} [title]
 * @property {string} device
 * @property {string} [note]  why it is the one that the server began with
 * @property {boolean} [close_ups]  whether prompts are answered from closer views, too
 * @property {{parameters: Record<string, number>, filters: Record<string, number>, ranges: Record<string, [number, number]>}} [everything]
 */

/**
 * @typedef {object} Settings
 * @property {boolean} [hosted]
 * @property {{name: string, title: string}[]} [models]
 * @property {{name: string, title: string}[]} [formats]
 * @property {{available: boolean, on: boolean}} [snap]
 * @property {Model} [model]
 */

/**
 * What `begin` answers beside the fields of a reply.
 * @typedef {object} Seat
 * @property {string} token  from now on
 * @property {number} epoch
 * @property {OpenImage | null} image
 * @property {Stage} stage
 * @property {Settings} settings
 * @property {boolean} resumed
 */
/** @typedef {Reply & Seat} Begun */

/**
 * One step of long work, on the component's `reply`.
 * @typedef {object} Step
 * @property {string} event  "open", "model", "save", "everything", or "life": that the server is still there
 * @property {string} stage
 * @property {number} serial_event  no two are equal
 * @property {number} [asked]  the number of the request that it is of
 * @property {number} [epoch]
 * @property {OpenImage} [image]
 * @property {Model} [model]
 * @property {Reply} [state]
 * @property {Timings} [timings]
 * @property {string} [error]
 * @property {string} [kind]
 * @property {string} [name]  of the model that is downloaded
 * @property {number} [done]  bytes, or points of a run
 * @property {number} [total]
 * @property {number | null} [left]  seconds
 * @property {string} [url]  of the file that was written
 * @property {string} [filename]
 * @property {number} [run]
 * @property {WireFound[]} [added]
 * @property {number[]} [removed]
 * @property {number[]} [order]  of all masks that a run leaves, in its last step
 * @property {string} [report]
 */
