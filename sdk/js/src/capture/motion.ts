// Where the pointer goes, where it rests, and how it leaves; scrolling; the size of the window.

import { now } from "../clock";
import { actionable, canAct, pathOf, place, targetOf as target } from "../element";
import { guard, on } from "../hooks";
import { more } from "../more";
import { ignored } from "../privacy";
import { emit } from "../record";
import { setPtr } from "../stream";
import { sampling } from "../transport";
import { Code } from "../wire";
import { throttle } from "./throttle";

const MOVE_S = 0.04;
const DWELL_MS = 1000;
const SCROLL_MS = 100;
const RESIZE_MS = 250;

export const captureMotion = () => {
  let movedAt = 0;
  let lastX = 0;
  let lastY = 0;
  let vx = 0;
  let vy = 0;
  let rest: Element | undefined;
  let restAt = 0;
  let dwelling: any;
  let open = false;

  on("pointermove", (e: PointerEvent) => {
    if (!e.isTrusted || e.pointerType == "touch") return;
    const t = now();
    const seconds = (t - movedAt) / 1000;
    if (seconds * sampling < MOVE_S) return;
    const [x, y] = place(e.target as Element, e.clientX, e.clientY);
    vx = (x - lastX) / seconds;
    vy = (y - lastY) / seconds;
    lastX = x;
    lastY = y;
    movedAt = t;
    setPtr(e.pointerType as any);
    emit(Code.PointerMove, [x, y]);
  });

  const leave = () => {
    clearTimeout(dwelling);
    if (open) emit(Code.Hover, [target(rest!), now() - restAt]);
    open = false;
    rest = undefined;
  };

  on("pointerover", (e: PointerEvent) => {
    if (e.pointerType != "mouse") return;
    const path = pathOf(e);
    const el = actionable(path)!;
    if (el == rest) return;
    leave();
    if (!canAct(el) || ignored(path[0])) return;
    more?._arm(el);
    rest = el;
    restAt = now();
    dwelling = setTimeout(
      guard(() => {
        open = true;
        emit(Code.Hover, [target(el), DWELL_MS, 1]);
      }),
      DWELL_MS,
    );
  });

  on("mouseout", (e: MouseEvent) => {
    if (e.relatedTarget || e.view != window) return;
    leave();
    const gaps = [e.clientY, innerWidth - e.clientX, innerHeight - e.clientY, e.clientX];
    emit(Code.PointerExit, [gaps.indexOf(Math.min(...gaps)), vx, vy], true);
  });

  // Some applications scroll a pane instead of the document: one that fills the window counts.
  let pane: Element;
  const scrolled = throttle(
    SCROLL_MS,
    () => emit(Code.Scroll, [pane.scrollTop, pane.scrollHeight - pane.clientHeight]),
  );
  on("scroll", (e) => {
    const el = e.target.scrollingElement || e.target;
    if (el.clientHeight < innerHeight * 0.6) return;
    pane = el;
    scrolled();
  });

  const resized = throttle(RESIZE_MS, () => emit(Code.Resize, [innerWidth, innerHeight]));
  // A video's own `resize` passes here too.
  on("resize", (e) => e.target == window && resized());
};
