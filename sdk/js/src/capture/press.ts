// Presses: pointer down and up on the same thing, or the keyboard's equivalent. `click` events would
// count a label twice and a disabled button never.

import { now } from "../clock";
import { actionable, canAct, isField, pathOf, place, targetOf, UNOBSERVED } from "../element";
import { on } from "../hooks";
import { more } from "../more";
import type { Press } from "../more/reactions";
import { ignored } from "../privacy";
import { emit } from "../record";
import { setPtr } from "../stream";
import { Code } from "../wire";

const DRAG_PX = 10;
const DOUBLE_MS = 500;
// The click a browser derives from a press comes within this time.
const DERIVED_MS = 700;

const NATIVE = "a,button,input,select,textarea,summary";

let count = 0;

/** A new stream: presses count from 1 again. */
export const forgetPresses = () => {
  count = 0;
  more?._forget();
};

export const capturePresses = () => {
  let down: [el: Element, press: Press | undefined, at: PointerEvent] | undefined;
  let lastEl: Element | undefined;
  let lastAt = 0;
  let detail = 0;
  let pointerAt = 0;
  let repeating = false;

  /** `pointed` is 0 for the keyboard and assistive tools, which press in ways of their own, else 1. */
  const record = (el: Element, press: Press | undefined, x: number, y: number, e: any, pointed: number) => {
    const t = now();
    detail = lastEl == el && t - lastAt < DOUBLE_MS ? detail + 1 : 1;
    lastEl = el;
    lastAt = t;
    const modifiers = e.shiftKey | (e.ctrlKey << 1) | (e.altKey << 2) | (e.metaKey << 3);
    const target = targetOf(el, press ? 0 : UNOBSERVED);
    emit(Code.Click, [...place(el, x, y), target, 0, pointed * detail, modifiers || null], true);
    count++;
    if (press) more!._commit(press, count);
  };

  const byKeyboard = (el: Element, e: KeyboardEvent | MouseEvent) => {
    const box = el.getBoundingClientRect();
    record(el, more?._begin(el), box.x + box.width / 2, box.y + box.height / 2, e, 0);
  };

  // A press that was begun and never counts is forgotten by what watches it, after a while.
  const release = () => {
    down = undefined;
  };

  on("pointerdown", (e: PointerEvent) => {
    release();
    if (!e.isTrusted || !e.isPrimary || e.button) return;
    setPtr(e.pointerType as any);
    const path = pathOf(e);
    const el = actionable(path)!;
    if (!ignored(path[0])) down = [el, more?._begin(el), e];
  });

  on("pointerup", (e: PointerEvent) => {
    if (e.pointerId != down?.[2].pointerId) return;
    const [el, press, at] = down!;
    const px = Math.hypot(e.clientX - at.clientX, e.clientY - at.clientY);
    if (px > DRAG_PX) emit(Code.Drag, [px]);
    if (actionable(pathOf(e)) != el) emit(Code.PressCancel, [targetOf(el)]);
    else if (px <= DRAG_PX) {
      pointerAt = now();
      record(el, press, e.clientX, e.clientY, e, 1);
    }
    release();
  });

  on("pointercancel", release);

  on("keydown", (e: KeyboardEvent) => {
    repeating = e.repeat;
    if (!e.isTrusted || repeating || (e.key != "Enter" && e.key != " ")) return;
    const el = pathOf(e)[0];
    // Native controls make a click of it, below; anything else that takes the focus may listen to keys.
    if (!el.matches(NATIVE) && !isField(el) && canAct(el) && !ignored(el)) byKeyboard(el, e);
  });

  on("click", (e: MouseEvent) => {
    const path = pathOf(e);
    const el = actionable(path)!;
    // `detail` 0: from the keyboard or an assistive tool, unless a press has just caused it.
    if (!e.isTrusted || e.detail || repeating || ignored(path[0])) return;
    if (now() - pointerAt > DERIVED_MS || lastEl != el) {
      if (path[0].localName != "label") byKeyboard(el, e);
    }
  });
};
