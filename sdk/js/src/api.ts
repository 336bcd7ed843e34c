// Every call that a page can make. None of them throws into it.

import { agree, flush, identify, init, opt, reset, track } from "./client";
import { listen } from "./emitter";
import { guard } from "./hooks";

export const api = {
  init: guard(init),
  identify: guard(identify),
  track: guard(track),
  on: listen,
  reset: guard(reset),
  consent: guard(agree),
  optOut: guard(() => opt(true)),
  optIn: guard(() => opt(false)),
  flush: guard(flush),
};
