// Filling in: which field, how long, how many keys. Never what was typed.

import { isField, pathOf } from "../element";
import { Code } from "../wire";
import type { Context } from "./context";

const PAUSE_MS = 1000;
const SELECT_MS = 300;

export function captureForms(ctx: Context) {
  const { _emit: emit, _target: target, _on: on, _now: now, _ignored: ignored, _masked: masked } = ctx;
  let focused: { _el: Element; _t: number } | undefined;
  let burst: { _el: Element; _t: number; _last: number; _keys: number; _deletes: number; _paste?: boolean } | undefined;
  let pause: any;
  let selecting: any;

  const visible = (e: Event) => {
    const el = pathOf(e)[0];
    return el && !ignored(el) ? el : undefined;
  };

  function endBurst() {
    clearTimeout(pause);
    if (!burst) return;
    const { _el, _t, _last, _keys, _deletes, _paste } = burst;
    burst = undefined;
    emit(Code.Input, [target(_el), _keys, _deletes, _last - _t, _paste ? 1 : null]);
  }

  on("focusin", (e) => {
    const el = visible(e);
    if (!el || !(isField(el) || el.matches("input,select"))) return;
    focused = { _el: el, _t: now() };
    emit(Code.Focus, [target(el)]);
  });

  on("focusout", (e) => {
    endBurst();
    if (!focused || pathOf(e)[0] != focused._el) return;
    const { _el: el, _t: t } = focused;
    focused = undefined;
    const spent = now() - t;
    // Whether a secret field is filled is nobody's business either.
    const filled = masked(el) ? 0 : +!!((el as HTMLInputElement).value || el.textContent?.trim());
    emit(Code.Blur, [target(el), filled, spent]);
  });

  on("input", (e: InputEvent) => {
    const el = visible(e);
    const kind = e.inputType || "";
    if (!el || !e.isTrusted || !isField(el) || masked(el)) return;
    const t = now();
    if (burst?._el != el) endBurst();
    burst = burst || { _el: el, _t: t, _last: t, _keys: 0, _deletes: 0 };
    burst._last = t;
    // Autofill and spelling replacements are nobody's keys.
    if (/^delete/.test(kind)) burst._deletes++;
    else if (/Paste|Drop/.test(kind)) burst._paste = true;
    else if (/^insert(?!Repl)/.test(kind)) burst._keys++;
    clearTimeout(pause);
    pause = setTimeout(endBurst, PAUSE_MS);
  });

  on("change", (e) => {
    const el = visible(e);
    if (el && !isField(el)) emit(Code.Change, [target(el)]);
  });

  // What was typed belongs before the press that sends it.
  on("pointerdown", endBurst);

  on("submit", (e) => {
    endBurst();
    const el = visible(e);
    if (el) emit(Code.Submit, [target(el)], true);
  });

  on("invalid", (e) => {
    const el = visible(e) as HTMLInputElement | undefined;
    if (!el) return;
    let reason: string | null = null;
    for (const name in el.validity) if ((el.validity as any)[name] && name != "valid") reason = reason || name;
    emit(Code.Invalid, [target(el), reason]);
  });

  on("selectionchange", () => {
    clearTimeout(selecting);
    selecting = setTimeout(() => {
      const selection = getSelection();
      const at = selection?.anchorNode?.parentElement;
      if (!at || selection!.isCollapsed || ignored(at)) return;
      emit(Code.Select, [selection!.toString().length]);
    }, SELECT_MS);
  });

  on("copy", (e) => visible(e) && emit(Code.Copy, []));
}
