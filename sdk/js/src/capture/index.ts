// Everything that is observed, for as long as it is.

import { targetOf } from "../element";
import { captureAnswers } from "./answers";
import type { Context } from "./context";
import { captureForms } from "./forms";
import { captureMotion } from "./motion";
import { capturePage } from "./page";
import { capturePresses } from "./press";
import { createReactions } from "./reactions";

export interface Capture {
  /** Starts a new stream: presses count from 1 again, and it is told which page it is on. */
  _newStream(): void;
}

export function startCapture(base: Omit<Context, "_target">, setPage: (page: string) => void): Capture {
  const ctx: Context = { ...base, _target: (el) => targetOf(el, base._masked(el)) };
  const reactions = createReactions(ctx);
  // In the order in which they see an event: a press before what it causes.
  const view = capturePage(ctx, reactions, setPage);
  capturePresses(ctx, reactions);
  captureForms(ctx);
  captureMotion(ctx, reactions);
  captureAnswers(ctx, reactions);
  return {
    _newStream() {
      reactions._newStream();
      view();
    },
  };
}
