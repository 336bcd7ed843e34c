// Presses: pointer down and up on the same thing, or the keyboard's equivalent. `click` events would
// count a label twice and a disabled button never.

import { actionable, canAct, isField, pathOf } from "../element";
import { Code } from "../wire";
import type { Context } from "./context";
import type { Press, Reactions } from "./reactions";

const DRAG_PX = 10;
const DOUBLE_MS = 500;
// The click a browser derives from a press comes within this time.
const DERIVED_MS = 700;

const NATIVE = "a,button,input,select,textarea,summary";

export function capturePresses(ctx: Context, reactions: Reactions) {
  const { _emit: emit, _target: target, _on: on, _now: now, _ignored: ignored } = ctx;
  let down: { _press: Press; _event: PointerEvent } | undefined;
  let last: { _el?: Element; _t: number; _detail: number } = { _t: 0, _detail: 0 };
  let pointerAt = 0;
  let repeating = false;

  function record(press: Press, x: number, y: number, e: PointerEvent | MouseEvent | KeyboardEvent) {
    const el = press._el;
    const t = now();
    last = { _el: el, _t: t, _detail: last._el == el && t - last._t < DOUBLE_MS ? last._detail + 1 : 1 };
    const modifiers = +e.shiftKey | (+e.ctrlKey << 1) | (+e.altKey << 2) | (+e.metaKey << 3);
    emit(Code.Click, [x, y, target(el), 0, last._detail, modifiers || null], true);
    reactions._commit(press);
  }

  function byKeyboard(el: Element, e: KeyboardEvent | MouseEvent) {
    const box = el.getBoundingClientRect();
    record(reactions._begin(el), box.x + box.width / 2, box.y + box.height / 2, e);
  }

  function release() {
    if (down) reactions._cancel(down._press);
    down = undefined;
  }

  on("pointerdown", (e: PointerEvent) => {
    release();
    if (!e.isTrusted || !e.isPrimary || e.button) return;
    ctx._setPtr(e.pointerType as any);
    const path = pathOf(e);
    const el = actionable(path);
    if (el && !ignored(path[0])) down = { _press: reactions._begin(el), _event: e };
  });

  on("pointerup", (e: PointerEvent) => {
    if (!down || e.pointerId != down._event.pointerId) return;
    const { _press: press, _event: event } = down;
    const px = Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY);
    const el = actionable(pathOf(e));
    if (px > DRAG_PX) emit(Code.Drag, [px]);
    if (el != press._el) emit(Code.PressCancel, [target(press._el)]);
    else if (px <= DRAG_PX) {
      down = undefined;
      pointerAt = now();
      record(press, e.clientX, e.clientY, e);
    }
    release();
  });

  on("pointercancel", release);

  on("keydown", (e: KeyboardEvent) => {
    repeating = e.repeat;
    if (!e.isTrusted || e.repeat || (e.key != "Enter" && e.key != " ")) return;
    const el = pathOf(e)[0];
    // Native controls make a click of it, below; anything else that takes the focus may listen to keys.
    if (el && !el.matches(NATIVE) && !isField(el) && canAct(el) && !ignored(el)) byKeyboard(el, e);
  });

  on("click", (e: MouseEvent) => {
    const path = pathOf(e);
    const el = actionable(path);
    // `detail` 0: from the keyboard or an assistive tool, unless a press has just caused it.
    if (!el || !e.isTrusted || e.detail || repeating || ignored(path[0])) return;
    if (now() - pointerAt > DERIVED_MS || last._el != el) {
      if (path[0]!.localName != "label") byKeyboard(el, e);
    }
  });
}
