// The way to what is only needed with a visitor (more/): how the page answers, forms, help. It is fetched at
// the visitor's first sign; what happens to fields until it is there is kept for it.

import { handle, now } from "./clock";
import { isField, pathOf, targetOf } from "./element";
import { publish } from "./emitter";
import { guard, on, wrap } from "./hooks";
import { loadMore } from "./load";
import type { More } from "./more/index";
import { bareUrl, ignored, masked } from "./privacy";
import { emit, say, stream } from "./record";
import { first } from "./session";
import type { Intervention } from "./types";

const parts = () =>
  [
    emit,
    now,
    on,
    wrap,
    guard,
    ignored,
    masked,
    bareUrl,
    isField,
    targetOf,
    publish,
    say,
    first,
  ] as const;

export type Parts = ReturnType<typeof parts>;

export let more: More | undefined;
let asked: Promise<void> | undefined;
let held: [Event, Element][] | undefined = [];

async function fetchMore() {
  try {
    more = (await loadMore())(parts());
    if (stream) more._start();
    for (const [event, el] of held!) {
      handle(event.timeStamp);
      guard(more._forms)(event, el);
    }
  } catch {
    // Presses stay unobserved, which is true.
  }
  handle(0);
  held = undefined;
}

export function startMore() {
  more?._start();
  on("pointerover pointerdown keydown focusin", () => (asked ||= fetchMore()));
  on("focusin focusout input change submit invalid pointerdown", (e) => {
    if (more) more._forms(e, pathOf(e)[0]);
    else held?.push([e, pathOf(e)[0]]);
  });
}

/** Shows help, `ahead` ms before the server's clock. */
export async function help(item: Intervention, ahead: number) {
  if (!first(item.id)) return;
  await (asked ||= fetchMore());
  if (more) more._help(item, ahead);
  else say("outcome", { intervention: item.id, kind: "failed" });
}
