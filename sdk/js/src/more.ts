// The way to what is only needed with a visitor (more/): how the page answers, forms, help. It is fetched at
// the visitor's first sign; what happens to fields until it is there is kept for it.

import { handle } from "./clock";
import { pathOf } from "./element";
import { guard, on } from "./hooks";
import { loadMore } from "./load";
import type { More } from "./more/index";
import { parts } from "./parts";
import { say } from "./record";
import { stream } from "./stream";
import type { Intervention } from "./types";

export let more: More | undefined;
let asked: Promise<void> | undefined;
let held: [event: Event, el: Element, at: number][] | undefined = [];

const fetchMore = async () => {
  try {
    more = (await loadMore())(parts());
    if (stream) more._start();
    for (const [event, el, at] of held!) {
      handle(at);
      guard(more._forms)(event, el);
    }
  } catch {
    // Presses stay unobserved, which is true.
  }
  handle(0);
  held = undefined;
};

export const startMore = () => {
  more?._start();
  on("pointerover pointerdown keydown focusin focusout input change submit invalid", (e) => {
    asked ||= fetchMore();
    if (more) more._forms(e, pathOf(e)[0]);
    else held?.push([e, pathOf(e)[0], performance.now()]);
  });
};

/** Shows help, `ahead` ms before the server's clock. */
export const help = async (item: Intervention, ahead: number) => {
  await (asked ||= fetchMore());
  if (more) more._help(item, ahead);
  else say("outcome", { intervention: item.id, kind: "failed" });
};
