// Which card when: one at a time and the newest (a person's answer takes the place of an automatic
// one), never twice, never late, and only when somebody can see it.

import { guard } from "../hooks";
import type { Action, Intervention, InterventionEvent, OutcomeKind } from "../types";
import { showCard } from "./card";

export interface QueueOptions {
  /** Epoch ms on the server's clock. */
  _serverNow: () => number;
  _first: (id: string) => boolean;
  _outcome: (id: string, kind: OutcomeKind, action?: string) => void;
  _announce: (event: InterventionEvent) => void;
  _action: (intervention: Intervention, action: Action) => void;
}

export function createQueue(o: QueueOptions) {
  let waiting: Intervention | undefined;
  let close: (() => void) | undefined;
  let expiry: any;

  function shut() {
    clearTimeout(expiry);
    close?.();
    close = undefined;
  }

  function show(item: Intervention) {
    close = showCard(item, {
      _clicked(action) {
        o._outcome(item.id, "clicked", action.id);
        o._action(item, action);
        close = undefined;
      },
      _dismissed() {
        o._outcome(item.id, "dismissed");
        close = undefined;
      },
    });
    o._outcome(item.id, "shown");
  }

  function next() {
    const item = waiting;
    if (!item || document.hidden) return;
    waiting = undefined;
    shut();
    if (item.expires_at <= o._serverNow()) return;
    let prevented = false;
    o._announce({
      ...item,
      preventDefault: () => (prevented = true),
      report: (kind, action) => o._outcome(item.id, kind, action),
    });
    if (prevented) return;
    try {
      show(item);
    } catch {
      return o._outcome(item.id, "failed");
    }
    expiry = setTimeout(
      guard(shut),
      // setTimeout counts in 31 bits.
      Math.min(item.expires_at - o._serverNow(), 1e9),
    );
  }

  return {
    _add(item: Intervention) {
      if (item.expires_at <= o._serverNow() || !o._first(item.id)) return;
      waiting = item;
      next();
    },

    _next: next,

    _clear() {
      waiting = undefined;
      shut();
    },
  };
}
