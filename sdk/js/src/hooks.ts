// Every contact with the page: listeners and wrapped functions. Nothing in here may throw into the
// page, and all of it can be undone. (Timers and the mutation observer end by themselves in seconds.)

import { handle } from "./clock";

const undo: (() => void)[] = [];

export const guard =
  <A extends unknown[]>(fn: (...args: A) => void) =>
  (...args: A) => {
    try {
      fn(...args);
    } catch {
      // A measuring script that breaks the page it measures is worse than a missing measurement.
    }
  };

/** Passive capture listeners; `types` are separated by spaces. On its way down all passes the window. */
export function on(types: string, fn: (event: any) => void, target: EventTarget | undefined = window) {
  const guarded = guard(fn);
  const listener = (event: Event) => {
    handle(event.timeStamp);
    guarded(event);
    handle(0);
  };
  const options = { capture: true, passive: true };
  for (const type of types.split(" ")) {
    target.addEventListener(type, listener, options);
    undo.push(() => target.removeEventListener(type, listener, options));
  }
}

/** Wraps by assignment. `before` may return a function that gets the result. */
export function wrap(owner: any, name: string, before: (args: any[], self: any) => void | ((result: any) => void)) {
  const original: unknown = owner?.[name];
  if (typeof original != "function") return;
  const wrapper = (owner[name] = function (this: unknown, ...args: any[]) {
    let after: any;
    guard(() => (after = before(args, this)))();
    const result = original.apply(this, args);
    if (after) guard(after)(result);
    return result;
  });
  undo.push(() => {
    // If someone has wrapped ours since, taking it out would take theirs out as well: it stays, and sees
    // that nothing is recorded any more.
    if (owner[name] == wrapper) owner[name] = original;
  });
}

export const shutdown = () => {
  for (const fn of undo.splice(0)) guard(fn)();
};
