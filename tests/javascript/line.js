// A page's transport with a server that answers when a test says so.

import { EMPTY_PROMPT, edits } from "../../samui/canvas/core/prompt.js";
import { createTransport } from "../../samui/canvas/net/transport.js";
import { stopClock } from "./time.js";

export const OK = { ok: true };
export const POINT = edits.addPoint(1, 2, 1);

/** A page with a transport, and a server that answers when the test says so. */
export function page(t) {
  stopClock(t);
  const calls = []; // {request, answer(reply)}
  const told = []; // what the listener heard
  const self = { ready: true, base: EMPTY_PROMPT, snaps: true, serial: 0, epoch: 1, calls, told };
  self.respond = () => new Promise((resolve) => (calls.at(-1).answer = resolve));
  const transport = createTransport(
    (request) => {
      calls.push({ request });
      return self.respond(request);
    },
    {
      request: () => ({ token: "s", epoch: self.epoch, seen: self.serial }),
      base: () => self.base,
      snaps: () => self.snaps,
      ready: () => self.ready,
    },
  );
  const hear = (name) => (...given) => told.push([name, ...given]);
  transport.listen(
    Object.fromEntries(["reply", "hover", "prepared", "refuse", "offline", "online"].map((name) => [name, hear(name)])),
  );
  self.names = () => told.map(([name]) => name);
  self.actions = () => calls.map(({ request }) => request.action);
  return Object.assign(self, { transport });
}
