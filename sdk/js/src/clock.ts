// One clock: epoch milliseconds that never run backwards. While an event is being handled it stands at
// the event's own timestamp, so that a busy page does not make its visitors look slow.

export function createClock() {
  let base = Date.now() - performance.now();
  let last = 0;
  let handling = 0;

  const now = () => Math.round(base + (handling || performance.now()));

  return {
    _now: now,

    /** The time for a record; records keep their order. */
    _stamp: () => (last = Math.max(last, now())),

    _handle(timeStamp: number) {
      handling = timeStamp;
    },

    /** While a machine sleeps the monotonic clock may stand still: catch up, never go back. */
    _wake() {
      base = Math.max(base, Date.now() - performance.now());
    },
  };
}

export type Clock = ReturnType<typeof createClock>;
