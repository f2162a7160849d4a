// Who waits for long work asks after a silence, and gives up after a long one; each word of the server begins it anew.

const PATIENCE = 180000; // ms without any word on work that was asked for, which may wait its turn
const ASK = 10000; // ms of that after which the page asks how far the server is; work that has begun tells every 5000

/** @typedef {ReturnType<typeof createSilence>} Silence */

/**
 * @param {object} parts
 * @param {() => boolean} parts.waits  whether anything is waited for
 * @param {() => Promise<boolean>} parts.ask  whether the server has gone on without a word
 * @param {() => void} parts.catchUp  takes what the server has
 * @param {() => void} parts.giveUp
 */
export function createSilence({ waits, ask, catchUp, giveUp }) {
  /** @type {ReturnType<typeof setTimeout> | null} */
  let ending = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let asking;

  function stop() {
    if (ending) clearTimeout(ending);
    clearTimeout(asking);
    ending = null;
  }

  /** There was a word, or something new is waited for. */
  function begin() {
    stop();
    if (!waits()) return;
    ending = setTimeout(() => {
      stop();
      giveUp();
    }, PATIENCE);
    asking = setTimeout(inquire, ASK);
  }

  async function inquire() {
    const before = ending;
    const goes = await ask();
    if (ending !== before) return; // there was a word, or all is over
    if (!goes) {
      asking = setTimeout(inquire, ASK);
      return;
    }
    stop();
    catchUp();
  }

  return {
    begin,
    stop,
    /** A word of the server. */
    heard() {
      if (ending) begin();
    },
  };
}
