// What page and server send each other, as defined by `samui.serve.wire`, `describe` and `service`. Only types.

/** @import { ToldWorkspace } from "./workspace.js" */

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
 * What made an object; the page keeps it as it came, and gives it back.
 * @typedef {{gestures: unknown[], candidate: number, snapped: boolean, model: string}} Made
 */

/**
 * An object of a reply; its mask, and what made it, are left out where the page has them.
 * @typedef {object} WireObject
 * @property {number} id  in its image
 * @property {string} uid  everywhere and for ever
 * @property {string} label
 * @property {string} colour  "#rrggbb"
 * @property {boolean} visible
 * @property {number} area
 * @property {Box | null} box
 * @property {number} score
 * @property {WireMask | null} [mask]
 * @property {Made} [made]
 */

/** @typedef {{id: number, mask: WireMask, score: number, stability: number, colour: string}} WireFound */
/** @typedef {{run: number, running: boolean, masks?: WireFound[]}} ToldFound */
/** @typedef {{undo: boolean, redo: boolean, accept: boolean}} Can */
/** @typedef {Record<string, number | null>} Timings  ms: encode, decode, ahead, snap ... */

/**
 * A request of `act`. Each action has fields of its own besides these.
 * @typedef {object} Request
 * @property {string | null} token  of the seat
 * @property {number} epoch  of the image that it is about
 * @property {number} rev  rising number of the page; 0 for requests that may come out of order
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
 * @property {Prompt & {object?: number | null}} [prompt]  object: id of the reopened one
 * @property {Candidate[]} [candidates]  best first
 * @property {number | null} [candidate]  which of them is chosen
 * @property {boolean} [absent]  the model says that there is no object there
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
 * @property {string} [why]  it could not
 * @property {string[]} [notices]  sentences about changes that somebody else was faster with
 * @property {string[]} [known]  after "put": of the operations that were asked about, those that were applied
 * @property {boolean} [moved]  the seat went back to the image before
 * @property {{mask: WireMask | null, score: number}} [hover]
 */

/**
 * The envelope of an error. kind: what the page does about it; "session": begin again, "epoch": the image has changed.
 * @typedef {{ok: false, error: string, kind: string, epoch?: number, rev?: number}} Refusal
 */

/**
 * home: its name in the folder or the library, by which it can be opened again; "" where nothing keeps it. content:
 * names what is in the file, so that equal files have equal ones.
 * @typedef {{url: string, width: number, height: number, name: string, home?: string, content: string, notes?: string[]}} OpenImage
 */
/** @typedef {"empty" | "reading" | "image" | "encoding" | "ready"} Stage */
/** @typedef {{min: number, max: number}} Range */

/**
 * @typedef {object} Model
 * @property {string} name
 * @property {string} [title]
 * @property {string} device
 * @property {string} [note]  why the server began with it
 * @property {boolean} [close_ups]  whether prompts are answered from closer views, too
 * @property {{parameters: Record<string, number>, filters: Record<string, number>, ranges: Record<string, [number, number]>}} [everything]
 */

/**
 * @typedef {object} Settings
 * @property {boolean} [hosted]
 * @property {boolean} [keeps]  whether the server keeps some images' objects for good
 * @property {{name: string, title: string, told?: string}[]} [models]  told: size, licence and what it is good for
 * @property {{name: string, title: string}[]} [formats]
 * @property {{available: boolean, on: boolean}} [snap]
 * @property {Model} [model]
 */

/**
 * What `begin` answers besides the fields of a reply.
 * @typedef {object} Seat
 * @property {string} token  to use from now on
 * @property {number} epoch
 * @property {OpenImage | null} image
 * @property {Stage} stage
 * @property {Settings} settings
 * @property {boolean} resumed
 * @property {ToldWorkspace | null} [workspace]
 */
/** @typedef {Reply & Seat} Begun */

/**
 * One step of long work, on the component's `reply`.
 * @typedef {object} Step
 * @property {string} event  "open", "model", "save", "everything", "bring", or "life": the server is still there
 * @property {string} stage
 * @property {number} serial_event  no two are equal
 * @property {number} [asked]  the number of the request that it answers
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
 * @property {string} [key]  of a file of masks that was read
 * @property {number} [count]  of its objects that are new here
 * @property {string[]} [told]  what was found in it
 * @property {number} [run]
 * @property {WireFound[]} [added]
 * @property {number[]} [removed]
 * @property {number[]} [order]  all masks that a run leaves, in its last step
 * @property {string} [report]
 */
