// The stream that is being recorded, if one is, and the way into it.

import { stamp } from "./clock";
import { addEvent, addMessage } from "./outbox";
import { pagePath } from "./privacy";
import { touch } from "./session";
import { schedule } from "./transport";
import type { Code, Ptr, Value } from "./wire";

export let stream = "";
export let page = "";
export let ptr: Ptr = "mouse";

let expired: () => void;

/** Records from now on, into a stream of its own; `whenExpired` is asked for another when the visit has ended. */
export const open = (whenExpired: () => void) => {
  expired = whenExpired;
  // Told apart within its visit only, which nobody can guess.
  stream = (Math.random() + "").slice(2);
};

export const close = () => {
  stream = "";
};

export const setPage = () => (page = pagePath());

export const setPtr = (kind: Ptr | "") => {
  ptr = kind || ptr;
};

/** Records an event; critical ones are sent with the next animation frame. */
export function emit(code: Code, args: Value[], critical?: boolean) {
  if (!stream) return;
  const t = stamp();
  if (!touch(t)) expired();
  addEvent(t, code, args, ptr, page);
  schedule(critical);
}

export function say(type: string, fields: object) {
  if (!stream) return;
  addMessage(type, { t: stamp(), ...fields });
  schedule(true);
}
