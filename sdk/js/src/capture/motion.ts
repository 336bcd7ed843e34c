// Where the pointer goes, where it rests, and how it leaves; scrolling; the size of the window.

import { actionable, canAct, pathOf } from "../element";
import { guard } from "../hooks";
import { Code } from "../wire";
import { throttle, type Context } from "./context";
import type { Reactions } from "./reactions";

const MOVE_MS = 40;
const DWELL_MS = 1000;
const SCROLL_MS = 100;
const RESIZE_MS = 250;

export function captureMotion(ctx: Context, reactions: Reactions) {
  const { _hooks: hooks, _clock: clock, _shield: shield } = ctx;
  let moved = { t: 0, x: 0, y: 0 };
  let velocity = [0, 0];
  let rest: { _el: Element; _t: number; _timer: any; _open?: boolean } | undefined;

  hooks._on("pointermove", (e: PointerEvent) => {
    if (e.pointerType == "touch" || !e.isTrusted) return;
    const now = e.timeStamp;
    const passed = now - moved.t;
    if (passed < MOVE_MS / (ctx._sampling() || 1e-9)) return;
    const { clientX: x, clientY: y } = e;
    velocity = [((x - moved.x) / passed) * 1000, ((y - moved.y) / passed) * 1000];
    moved = { t: now, x, y };
    ctx._setPtr(e.pointerType as any);
    ctx._emit(Code.PointerMove, [x, y]);
  });

  function leave() {
    if (!rest) return;
    clearTimeout(rest._timer);
    if (rest._open) {
      const now = clock._now();
      ctx._emit(Code.Hover, [ctx._target(rest._el), now - rest._t]);
    }
    rest = undefined;
  }

  hooks._on("pointerover", (e: PointerEvent) => {
    if (e.pointerType != "mouse") return;
    const path = pathOf(e);
    const el = actionable(path);
    if (el && el == rest?._el) return;
    leave();
    if (!el || !canAct(el) || shield._ignored(path[0])) return;
    reactions._watch(el);
    const dwell = guard(() => {
      rest!._open = true;
      ctx._emit(Code.Hover, [ctx._target(el), DWELL_MS, 1]);
    });
    rest = { _el: el, _t: clock._now(), _timer: setTimeout(dwell, DWELL_MS) };
  });

  hooks._on("mouseout", (e: MouseEvent) => {
    if (e.relatedTarget) return;
    leave();
    const { clientX: x, clientY: y } = e;
    const gaps = [y, innerWidth - x, innerHeight - y, x];
    ctx._emit(Code.PointerExit, [gaps.indexOf(Math.min(...gaps)), ...velocity], true);
  });

  // Some applications scroll a pane instead of the document: one that fills the window counts.
  let pane: Element;
  const scrolled = throttle(
    SCROLL_MS,
    guard(() => ctx._emit(Code.Scroll, [pane.scrollTop, pane.scrollHeight - pane.clientHeight])),
  );
  hooks._on("scroll", ({ target }) => {
    const el = target == document ? document.scrollingElement : target;
    if (!el || (target != document && el.clientHeight < innerHeight * 0.6)) return;
    pane = el;
    scrolled();
  });

  const resized = throttle(RESIZE_MS, guard(() => ctx._emit(Code.Resize, [innerWidth, innerHeight])));
  // A video's own `resize` passes here too.
  hooks._on("resize", (e) => e.target == window && resized());
}
