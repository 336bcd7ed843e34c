// The way into the stream.

import { stamp } from "./clock";
import { addEvent, addMessage } from "./outbox";
import { touch } from "./session";
import { expired, page, ptr, stream } from "./stream";
import { schedule } from "./transport";
import type { Code, Value } from "./wire";

/** Records an event; critical ones are sent with the next animation frame. */
export const emit = (code: Code, args: Value[], critical?: boolean) => {
  if (!stream) return;
  const t = stamp();
  if (!touch(t)) expired();
  addEvent(t, code, args, ptr, page);
  schedule(critical);
};

export const say = (type: string, fields: object) => {
  if (!stream) return;
  addMessage(type, { t: stamp(), ...fields });
  schedule(true);
};
