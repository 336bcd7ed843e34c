// Every contact with the page: listeners and wrapped functions, in its window and in the frames that are of
// its origin. Nothing in here may throw into the page, and all of it can be undone. (Timers and the mutation
// observer end by themselves in seconds.)

import { handle } from "./clock";

type View = Window & typeof globalThis;
/** What is meant of a window: itself, if nothing is said. */
type Of = (view: any) => any;

let hooks: ((view: View) => void)[] = [];
let undoing = false;

export const guard =
  <A extends unknown[]>(fn: (...args: A) => void) =>
  (...args: A) => {
    try {
      fn(...args);
    } catch {
      // A measuring script that breaks the page it measures is worse than a missing measurement.
    }
  };

/** Hooks into a window and the frames in it; again does no harm. Other origins throw, and are left alone. */
export const reach = (view: View, some = hooks) => {
  for (const hook of some) guard(hook)(view);
  for (let n = 0; n < view.length; n++) reach(view[n] as View, some);
};

/** Hooks into every window, under each of the `names`, which are separated by spaces. */
const everywhere = (names: string, of: Of = (view) => view, hook: (owner: any, name: string) => void) => {
  for (const name of names.split(" ")) {
    const each = (view: View) => hook(of(view), name);
    hooks.push(each);
    reach(window, [each]);
  }
};

/** Marks our document, so that others who reach its window from outside leave it to us. */
export const claim = () => {
  (document as any).siq = guard;
};

/** Passive capture listeners. On its way down all passes the window. */
export const on = (types: string, fn: (event: any) => void, of?: Of) => {
  const guarded = guard(fn);
  const listener = (event: any) => {
    const siq = event.currentTarget.document?.siq;
    // A frame that observes itself is not observed twice.
    if (siq && siq != guard) return;
    // A frame's time began with the frame.
    handle(siq && event.timeStamp);
    guarded(event);
    handle(0);
  };
  everywhere(types, of, (target, type) =>
    target[undoing ? "removeEventListener" : "addEventListener"](type, listener, { capture: true, passive: true }),
  );
};

/** Wraps by assignment. `before` may return a function that gets the result. */
export const wrap = (names: string, before: (args: any[], self: any) => void | ((result: any) => void), of?: Of) =>
  everywhere(names, of, (owner, name) => {
    const original = owner[name];
    // If someone has wrapped ours since, taking it out would take theirs out as well: it stays, and sees
    // that nothing is recorded any more.
    if (undoing) owner[name] = original.siq || original;
    else if (!original.siq) {
      owner[name] = function (this: unknown, ...args: any[]) {
        let after: any;
        guard(() => (after = before(args, this)))();
        const result = original.apply(this, args);
        if (after) guard(after)(result);
        return result;
      };
      owner[name].siq = original;
    }
  });

export const shutdown = () => {
  undoing = true;
  reach(window);
  undoing = false;
  hooks = [];
};
