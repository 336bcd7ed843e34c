// What the capture modules share.

import type { Clock } from "../clock";
import type { Hooks } from "../hooks";
import type { Shield } from "../privacy";
import type { Code, Ptr, Target, Value } from "../wire";

export interface Context {
  _on: Hooks["_on"];
  _wrap: Hooks["_wrap"];
  _now: Clock["_now"];
  _ignored: Shield["_ignored"];
  _masked: Shield["_masked"];
  /** Share of pointer moves to keep, 0 to 1. */
  _sampling: () => number;
  _setPtr: (ptr: Ptr) => void;
  _target: (el: Element) => Target;
  /** Records an event; critical ones are sent with the next animation frame. */
  _emit: (code: Code, args: Value[], critical?: boolean) => void;
}

/** At most one call per `ms`, the last one included. */
export function throttle(ms: number, fn: () => void): () => void {
  let timer: any;
  let last = -ms;
  const run = () => {
    timer = 0;
    last = performance.now();
    fn();
  };
  return () => {
    timer = timer || setTimeout(run, last + ms - performance.now());
  };
}
