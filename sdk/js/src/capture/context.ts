// What the capture modules share.

import type { Clock } from "../clock";
import type { Hooks } from "../hooks";
import type { Shield } from "../privacy";
import type { Code, Ptr, Target, Value } from "../wire";

export interface Context {
  _hooks: Hooks;
  _clock: Clock;
  _shield: Shield;
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
  return () => {
    if (timer) return;
    const wait = last + ms - performance.now();
    const run = () => {
      timer = 0;
      last = performance.now();
      fn();
    };
    if (wait > 0) timer = setTimeout(run, wait);
    else run();
  };
}
