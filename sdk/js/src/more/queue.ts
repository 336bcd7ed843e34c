// Which card when: one at a time and the newest (a person's answer takes the place of an automatic
// one), never late, never again what was waved away, and only when somebody can see it.

import type { Action, Intervention, OutcomeKind } from "../types";
import { showCard } from "./card";
import { first, now, publish, say } from "./core";

let waiting: Intervention | undefined;
let ahead = 0;
let close: (() => void) | undefined;
let done: (action?: Action) => void;
let expiry: any;

const shut = () => {
  clearTimeout(expiry);
  close?.();
  close = undefined;
};

/** The Escape key waves a card away, wherever the focus is. */
export const escape = ({ key }: KeyboardEvent) => {
  if (key != "Escape" || !close) return;
  close();
  done();
};

const remaining = (item: Intervention) => item.expires_at - now() - ahead;

export const next = () => {
  const item = waiting;
  // Help may be there before the page has a body to show it in.
  if (!item || document.hidden || !document.body) return;
  waiting = undefined;
  // Noted when it is shown, not when it comes: who leaves before is offered it again.
  if (remaining(item) <= 0 || !first(item.id)) return;
  shut();
  const report = (kind: OutcomeKind, action?: string) =>
    say("outcome", { intervention: item.id, kind, action });
  // Who has waved it away does not want it again.
  if (!first(item.template, true)) return report("dismissed");
  let prevented: boolean | undefined;
  publish("intervention", { ...item, preventDefault: () => (prevented = true), report });
  if (prevented) return;
  try {
    done = (action) => {
      close = undefined;
      report(action ? "clicked" : "dismissed", action?.id);
      if (action) publish("action", { intervention: item, action });
      else first(item.template);
    };
    close = showCard(item, done);
    report("shown");
  } catch {
    report("failed");
  }
  // setTimeout counts in 31 bits.
  expiry = setTimeout(shut, Math.min(remaining(item), 1e9));
};

/** Shows help as soon as somebody can see it; without, takes away what is there. */
export const help = (item?: Intervention, serverAhead = 0) => {
  waiting = item;
  ahead = serverAhead;
  if (item) next();
  else shut();
};
