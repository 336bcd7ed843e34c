// Which card when: one at a time, never twice, never late, and only when somebody can see it.

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
  let waiting: Intervention[] = [];
  let close: (() => void) | undefined;
  let expiry: any;

  function gone() {
    clearTimeout(expiry);
    close = undefined;
    next();
  }

  function show(item: Intervention) {
    close = showCard(item, {
      _clicked(action) {
        o._outcome(item.id, "clicked", action.id);
        o._action(item, action);
        gone();
      },
      _dismissed() {
        o._outcome(item.id, "dismissed");
        gone();
      },
    });
    o._outcome(item.id, "shown");
  }

  function next() {
    if (close || document.hidden) return;
    const item = waiting.shift();
    if (!item) return;
    if (item.expires_at <= o._serverNow()) return next();
    let prevented = false;
    o._announce({
      ...item,
      preventDefault: () => (prevented = true),
      report: (kind, action) => o._outcome(item.id, kind, action),
    });
    if (prevented) return next();
    try {
      show(item);
    } catch {
      o._outcome(item.id, "failed");
      return gone();
    }
    expiry = setTimeout(
      guard(() => {
        close?.();
        gone();
      }),
      // setTimeout counts in 31 bits.
      Math.min(item.expires_at - o._serverNow(), 1e9),
    );
  }

  return {
    _add(item: Intervention) {
      if (item.expires_at <= o._serverNow() || !o._first(item.id)) return;
      waiting.push(item);
      next();
    },

    _next: next,

    _clear() {
      waiting = [];
      clearTimeout(expiry);
      close?.();
      close = undefined;
    },
  };
}
