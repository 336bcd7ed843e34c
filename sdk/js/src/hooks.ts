// Every contact with the page: listeners and wrapped functions. Nothing in here may throw into the
// page, and all of it can be undone. (Timers and the mutation observer end by themselves in seconds.)

import type { Clock } from "./clock";

type Fn = (...args: any[]) => any;

export function guard<A extends unknown[]>(fn: (...args: A) => void) {
  return (...args: A) => {
    try {
      fn(...args);
    } catch {
      // A measuring script that breaks the page it measures is worse than a missing measurement.
    }
  };
}

export function createHooks(clock: Clock) {
  const undo: (() => void)[] = [];

  return {
    /** Passive capture listeners; `types` are separated by spaces. On its way down all passes the window. */
    _on(types: string, fn: (event: any) => void, target: EventTarget | undefined = window) {
      const handle = guard(fn);
      const listener = (event: Event) => {
        clock._handle(event.timeStamp);
        handle(event);
        clock._handle(0);
      };
      const options = { capture: true, passive: true };
      for (const type of types.split(" ")) {
        target.addEventListener(type, listener, options);
        undo.push(() => target.removeEventListener(type, listener, options));
      }
    },

    /** Wraps by assignment. `before` may return a function that gets the result. */
    _wrap(owner: any, name: string, before: (args: any[], self: any) => void | ((result: any) => void)) {
      const original: unknown = owner?.[name];
      if (typeof original != "function") return;
      const own = owner.hasOwnProperty(name);
      let active = true;
      const wrapper: Fn = function (this: unknown, ...args) {
        let after: any;
        if (active) guard(() => (after = before(args, this)))();
        const result = original.apply(this, args);
        if (after) guard(after)(result);
        return result;
      };
      owner[name] = wrapper;
      undo.push(() => {
        active = false;
        // If someone has wrapped ours since, taking it out would take theirs out as well.
        if (owner[name] != wrapper) return;
        if (own) owner[name] = original;
        else delete owner[name];
      });
    },

    _shutdown() {
      for (const fn of undo.splice(0).reverse()) guard(fn)();
    },
  };
}

export type Hooks = ReturnType<typeof createHooks>;
