// How often something may happen at most.

import { guard } from "../hooks";

/** At most one call per `ms`, after it, for all that came meanwhile. */
export const throttle = (ms: number, fn: () => void): () => void => {
  let timer: any;
  const run = guard(() => {
    timer = 0;
    fn();
  });
  return () => {
    timer ||= setTimeout(run, ms);
  };
};
