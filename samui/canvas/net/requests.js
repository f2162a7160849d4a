// Requests for long work, each a queued event of Gradio whose steps come back on the component's `reply`.

/** @import { State } from "../core/state.js" */
/** @import { Step } from "../core/messages.js" */

/** @typedef {"open" | "model" | "everything" | "save" | "bring"} Work */
/** @typedef {ReturnType<typeof createRequests>} Requests */

/**
 * @param {State} state
 * @param {{value: unknown}} props  of the component; the handler of an event reads `value`
 * @param {(name: string, payload: unknown) => void} trigger  fires an event
 */
export function createRequests(state, props, trigger) {
  /** @type {{[name: string]: number}} */
  const asked = {}; // name of an event -> number of the newest one; each step of the work names the number it is of
  let last = 0; // number of the step that came last
  /** @type {{[name in Work]: (payload: object) => void}} */
  const triggers = {
    // The names stand in quotes for Gradio, which finds a component's own events in this text.
    open: (payload) => trigger("open", payload),
    model: (payload) => trigger("model", payload),
    everything: (payload) => trigger("everything", payload),
    save: (payload) => trigger("save", payload),
    bring: (payload) => trigger("bring", payload),
  };

  return {
    /**
     * Ask for long work.
     * @param {Work} name
     * @param {object} fields  that its handler reads
     */
    send(name, fields) {
      asked[name] = (asked[name] || 0) + 1;
      const payload = { token: state.token, asked: asked[name], ...fields };
      props.value = payload;
      triggers[name](payload);
    },
    /**
     * Whether a step answers the newest request of its kind.
     * @param {Step} step
     */
    isNewest: (step) => step.asked === asked[step.event],
    /**
     * Whether a step has not been seen yet.
     * @param {Step | null | undefined} step
     * @returns {step is Step}
     */
    isNew(step) {
      if (!step || !step.event || step.serial_event === last) return false;
      last = step.serial_event;
      return true;
    },
    /** Between requests the component's value holds the token alone. */
    rest() {
      props.value = { token: state.token };
    },
  };
}
