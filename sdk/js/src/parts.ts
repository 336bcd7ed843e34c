// What the core hands to more/, so that nothing is loaded twice. By place, not by name: names weigh in a download.

import { now } from "./clock";
import { isField, place, targetOf } from "./element";
import { publish } from "./emitter";
import { guard, on, wrap } from "./hooks";
import { bareUrl, ignored, masked } from "./privacy";
import { emit, say } from "./record";
import { first } from "./session";

export const parts = () =>
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
    place,
  ] as const;

export type Parts = ReturnType<typeof parts>;
