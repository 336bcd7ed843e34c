// Filling in: which field, how long, how many keys. Never what was typed.

import { Code } from "../wire";
import { emit, ignored, isField, masked, now, target } from "./core";

const PAUSE_MS = 1000;

let focused: Element | undefined;
let since = 0;
// A burst of typing: where, from when to when, what.
let typing: Element | undefined;
let begun = 0;
let last = 0;
let keys = 0;
let deletes = 0;
let paste: 1 | undefined;
let pause: any;

const endBurst = () => {
  clearTimeout(pause);
  if (typing) emit(Code.Input, [target(typing), keys, deletes, last - begun, paste]);
  typing = paste = undefined;
  keys = deletes = 0;
};

const type = (el: Element, kind: string) => {
  if (typing != el) endBurst();
  last = now();
  if (!typing) begun = last;
  typing = el;
  // Autofill and spelling replacements are nobody's keys.
  if (/^delete/.test(kind)) deletes++;
  else if (/Paste|Drop/.test(kind)) paste = 1;
  else if (/^insert(?!Repl)/.test(kind)) keys++;
  clearTimeout(pause);
  pause = setTimeout(endBurst, PAUSE_MS);
};

/** Takes one of the events of fields, and the element that it hit. */
export const forms = (e: any, el: any) => {
  const kind: string = e.type;
  // What was typed belongs before the press that sends it.
  if (/pointerdown|focusout|submit/.test(kind)) endBurst();
  if (kind == "focusout" && el == focused) {
    focused = undefined;
    // Whether a secret field is filled is nobody's business either.
    emit(Code.Blur, [target(el), masked(el) ? null : +!!(el.value || el.textContent.trim()), now() - since]);
  }
  if (ignored(el)) return;
  if (kind == "focusin" && (isField(el) || el.matches("input,select"))) {
    focused = el;
    since = now();
    emit(Code.Focus, [target(el)]);
  }
  if (kind == "input" && e.isTrusted && isField(el) && !masked(el)) type(el, e.inputType || "");
  if (kind == "change" && !isField(el)) emit(Code.Change, [target(el)]);
  if (kind == "submit") emit(Code.Submit, [target(el)], true);
  if (kind == "invalid") {
    for (const reason in el.validity) if (el.validity[reason]) return emit(Code.Invalid, [target(el), reason]);
  }
};
