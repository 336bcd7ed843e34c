// The stream that is being recorded, if one is: of one page or route, in one visit.

import { pagePath } from "./privacy";
import type { Ptr } from "./wire";

export let stream = "";
export let page = "";
export let ptr: Ptr = "mouse";
/** Asked for another stream when the visit has ended. */
export let expired: () => void;

/** Records from now on, into a stream of its own. */
export const open = (whenExpired: () => void) => {
  expired = whenExpired;
  // Told apart within its visit only, which nobody can guess.
  stream = (Math.random() + "").slice(2);
};

export const close = () => {
  stream = "";
};

export const setPage = () => (page = pagePath());

export const setPtr = (kind: Ptr | "") => {
  ptr = kind || ptr;
};
