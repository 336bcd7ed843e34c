// Filling in: which field, how long, how many keys. Never what was typed.

import { isField, pathOf } from "../element";
import { Code } from "../wire";
import type { Context } from "./context";

const PAUSE_MS = 1000;
const SELECT_MS = 300;

export function captureForms(ctx: Context) {
  const { _hooks: hooks, _clock: clock, _shield: shield } = ctx;
  let focused: { _el: Element; _t: number } | undefined;
  let burst: { _el: Element; _t: number; _last: number; _keys: number; _deletes: number; _paste?: boolean } | undefined;
  let pause: any;
  let selecting: any;

  const visible = (e: Event) => {
    const el = pathOf(e)[0];
    return el && !shield._ignored(el) ? el : undefined;
  };

  function endBurst() {
    clearTimeout(pause);
    if (!burst) return;
    const { _el, _t, _last, _keys, _deletes, _paste } = burst;
    burst = undefined;
    ctx._emit(Code.Input, [ctx._target(_el), _keys, _deletes, _last - _t, _paste ? 1 : null]);
  }

  hooks._on("focusin", (e) => {
    const el = visible(e);
    if (!el || !(isField(el) || el.matches("input,select"))) return;
    focused = { _el: el, _t: clock._now() };
    ctx._emit(Code.Focus, [ctx._target(el)]);
  });

  hooks._on("focusout", (e) => {
    endBurst();
    if (!focused || pathOf(e)[0] != focused._el) return;
    const { _el: el, _t: t } = focused;
    focused = undefined;
    const now = clock._now();
    // Whether a secret field is filled is nobody's business either.
    const filled = shield._masked(el) ? 0 : +!!((el as HTMLInputElement).value || el.textContent?.trim());
    ctx._emit(Code.Blur, [ctx._target(el), filled, now - t]);
  });

  hooks._on("input", (e: InputEvent) => {
    const el = visible(e);
    const kind = e.inputType || "";
    if (!el || !e.isTrusted || !isField(el) || shield._masked(el)) return;
    const now = clock._now();
    if (burst?._el != el) endBurst();
    burst = burst || { _el: el, _t: now, _last: now, _keys: 0, _deletes: 0 };
    burst._last = now;
    // Autofill and spelling replacements are nobody's keys.
    if (/^delete/.test(kind)) burst._deletes++;
    else if (/Paste|Drop/.test(kind)) burst._paste = true;
    else if (/^insert(?!Repl)/.test(kind)) burst._keys++;
    clearTimeout(pause);
    pause = setTimeout(endBurst, PAUSE_MS);
  });

  hooks._on("change", (e) => {
    const el = visible(e);
    if (el && !isField(el)) ctx._emit(Code.Change, [ctx._target(el)]);
  });

  // What was typed belongs before the press that sends it.
  hooks._on("pointerdown", endBurst);

  hooks._on("submit", (e) => {
    endBurst();
    const el = visible(e);
    if (el) ctx._emit(Code.Submit, [ctx._target(el)], true);
  });

  hooks._on("invalid", (e) => {
    const el = visible(e) as HTMLInputElement | undefined;
    if (!el) return;
    let reason: string | null = null;
    for (const name in el.validity) if ((el.validity as any)[name] && name != "valid") reason = reason || name;
    ctx._emit(Code.Invalid, [ctx._target(el), reason]);
  });

  hooks._on("selectionchange", () => {
    clearTimeout(selecting);
    selecting = setTimeout(() => {
      const selection = getSelection();
      const at = selection?.anchorNode?.parentElement;
      if (!at || selection!.isCollapsed || shield._ignored(at)) return;
      ctx._emit(Code.Select, [selection!.toString().length]);
    }, SELECT_MS);
  });

  hooks._on("copy", (e) => visible(e) && ctx._emit(Code.Copy, []));
}
