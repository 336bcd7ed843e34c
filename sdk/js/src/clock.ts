// One clock: epoch milliseconds that never run backwards. While an event is being handled it stands at
// the event's own timestamp, so that a busy page does not make its visitors look slow.

let base = 0;
let last = 0;
let handling = 0;

export const now = () => Math.round(base + (handling || performance.now()));

/** The time for a record; records keep their order. */
export const stamp = () => (last = Math.max(last, now()));

export const handle = (timeStamp: number) => {
  handling = timeStamp;
};

/** While a machine sleeps the monotonic clock may stand still: catch up, never go back. */
export const wake = () => {
  base = Math.max(base, Date.now() - performance.now());
};
