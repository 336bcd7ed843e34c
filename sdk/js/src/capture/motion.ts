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
  const { _emit: emit, _target: target, _on: on, _now: now, _ignored: ignored } = ctx;
  let moved = { t: 0, x: 0, y: 0 };
  let velocity = [0, 0];
  let rest: { _el: Element; _t: number; _timer: any; _open?: boolean } | undefined;

  on("pointermove", (e: PointerEvent) => {
    if (e.pointerType == "touch" || !e.isTrusted) return;
    const t = e.timeStamp;
    const passed = t - moved.t;
    if (passed < MOVE_MS / (ctx._sampling() || 1e-9)) return;
    const { clientX: x, clientY: y } = e;
    velocity = [((x - moved.x) / passed) * 1000, ((y - moved.y) / passed) * 1000];
    moved = { t, x, y };
    ctx._setPtr(e.pointerType as any);
    emit(Code.PointerMove, [x, y]);
  });

  function leave() {
    if (!rest) return;
    clearTimeout(rest._timer);
    if (rest._open) emit(Code.Hover, [target(rest._el), now() - rest._t]);
    rest = undefined;
  }

  on("pointerover", (e: PointerEvent) => {
    if (e.pointerType != "mouse") return;
    const path = pathOf(e);
    const el = actionable(path);
    if (el && el == rest?._el) return;
    leave();
    if (!el || !canAct(el) || ignored(path[0])) return;
    reactions._watch(el);
    const dwell = guard(() => {
      rest!._open = true;
      emit(Code.Hover, [target(el), DWELL_MS, 1]);
    });
    rest = { _el: el, _t: now(), _timer: setTimeout(dwell, DWELL_MS) };
  });

  on("mouseout", (e: MouseEvent) => {
    if (e.relatedTarget) return;
    leave();
    const { clientX: x, clientY: y } = e;
    const gaps = [y, innerWidth - x, innerHeight - y, x];
    emit(Code.PointerExit, [gaps.indexOf(Math.min(...gaps)), ...velocity], true);
  });

  // Some applications scroll a pane instead of the document: one that fills the window counts.
  let pane: Element;
  const scrolled = throttle(
    SCROLL_MS,
    guard(() => emit(Code.Scroll, [pane.scrollTop, pane.scrollHeight - pane.clientHeight])),
  );
  on("scroll", (e) => {
    const el = e.target == document ? document.scrollingElement : e.target;
    if (!el || (e.target != document && el.clientHeight < innerHeight * 0.6)) return;
    pane = el;
    scrolled();
  });

  const resized = throttle(RESIZE_MS, guard(() => emit(Code.Resize, [innerWidth, innerHeight])));
  // A video's own `resize` passes here too.
  on("resize", (e) => e.target == window && resized());
}
