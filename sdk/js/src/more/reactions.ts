// How the page answers a press. From pointerdown until an answer, or for 2.5 s, everything visible is
// watched; the first thing that can be an answer to a press is reported as its reaction.

import { Answer, Code } from "../wire";
import { emit, guard, ignored, now } from "./core";

const OPEN_MS = 2500;
const ELSEWHERE_MS = 1000;
const SWEEP_MS = 50;
// What changes on its own within this time before a press is not an answer to it.
const IDLE_MS = 5000;

const COMPONENT = "[data-siq-section],[role=group],[role=row],[role=dialog],li,tr,fieldset,form,dialog,article";
const DIALOG = "dialog,[role$=dialog],[popover]";
// The look of being pressed or pointed at is not an answer.
const COSMETIC = /ripple|hover|focus|pressed|touch/i;

export interface Press {
  _el: Element;
  _t: number;
  /** 1-based index in the stream, once the press is complete. */
  _index?: number;
  _answer?: [Answer, number];
  _near: Element;
  _controls: (Element | null)[];
  _values: string;
}

const controlled = (el: Element) =>
  ["aria-controls", "aria-owns", "popovertarget"].map((name) =>
    el.ownerDocument.getElementById(el.getAttribute(name)!),
  );

/** Values set by script leave no mutation behind; compared here, never sent. */
const valuesOf = (near: Element) =>
  [near, ...[...near.querySelectorAll("input,select,textarea,output")].slice(0, 12)]
    .map((f: any) => `${f.value}${f.checked}`)
    .join();

const meaningfulClass = (value: string | null) =>
  (value || "").split(/\s+/).filter((name) => !COSMETIC.test(name)).join(" ");

let open: Press[] = [];
let watchUntil = 0;
let sweepTimer: any;
let pressedAt = 0;
const idle = new WeakMap<Node, number>();
let observer: MutationObserver | undefined;

const report = (press: Press) => {
  const [kind, at] = press._answer!;
  emit(Code.Reaction, [kind, press._index, Math.max(0, at - press._t)], true);
};

export const react = (kind: Answer, answers?: (press: Press) => unknown) => {
  let any: boolean | undefined;
  for (const press of open) {
    if (press._answer || (answers && !answers(press))) continue;
    any = true;
    press._answer = [kind, now()];
    if (press._index) report(press);
  }
  // A press that is still held down keeps its answer until it counts.
  open = open.filter((press) => !press._answer || !press._index);
  return any;
};

const mutated = (records: MutationRecord[]) => {
  const t = now();
  for (const record of records) {
    const { target, type, attributeName, oldValue, addedNodes, removedNodes } = record;
    const el = (target as Element).closest ? (target as Element) : target.parentElement;
    const nodes = [...addedNodes, ...removedNodes] as Element[];
    if (!el || ignored(el)) continue;
    if (attributeName == "class" && meaningfulClass(oldValue) == meaningfulClass(el.getAttribute("class"))) continue;
    if (nodes.length && nodes.every((n) => ignored(n) || COSMETIC.test(n.className))) continue;

    const dialog = attributeName == "open" || nodes.some((n) => n.matches?.(DIALOG));
    const kind = dialog ? Answer.Dialog : type == "attributes" ? Answer.State : Answer.Mutation;
    const answered = react(kind, (press) => {
      if (el == press._el) return attributeName != "style";
      if (dialog || [...press._controls, press._el].some((r) => r?.contains(el))) return true;
      if (press._t - idle.get(el)! < IDLE_MS) return false;
      return press._near.contains(el) || t - press._t < ELSEWHERE_MS;
    });
    if (!answered && t - pressedAt > ELSEWHERE_MS) idle.set(el, t);
  }
};


const sweep = () => {
  sweepTimer = 0;
  const t = now();
  react(Answer.State, (press) => valuesOf(press._near) != press._values);
  open = open.filter((press) => t - press._t < OPEN_MS);
  if (open.length || t < watchUntil) sweepTimer = setTimeout(guard(sweep), SWEEP_MS);
  else observer!.disconnect();
};

/** The pointer rests on something that can be pressed: learn what moves on its own. */
export const arm = (el: Element) => {
  watchUntil = now() + IDLE_MS;
  observer ||= new MutationObserver(guard(mutated));
  // Observing the same root again changes nothing.
  for (const root of [document, el.getRootNode()]) {
    observer.observe(root, {
      subtree: true,
      childList: true,
      characterData: true,
      // And so, attributes.
      attributeOldValue: true,
    });
  }
  sweepTimer ||= setTimeout(guard(sweep), SWEEP_MS);
};

export const latest = () => open[open.length - 1];

export const refresh = () => {
  for (const press of open) press._values = valuesOf(press._near);
};

/** What was pressed last. */
export let lastPressed: Element | undefined;

export const begin = (el: Element): Press => {
  lastPressed = el;
  const near = el.closest(COMPONENT) || el.parentElement || el;
  const press = {
    _el: el,
    _t: (pressedAt = now()),
    _near: near,
    _controls: controlled(el),
    _values: valuesOf(near),
  };
  open.push(press);
  arm(el);
  return press;
};

/** The press is complete and has been recorded as the stream's click number `index`. */
export const commit = (press: Press, index: number) => {
  press._index = index;
  press._t = pressedAt = now();
  if (press._answer) {
    report(press);
    open = open.filter((other) => other != press);
  }
};

/** A new stream: presses count from 1 again. */
export const forget = () => {
  open = [];
};
