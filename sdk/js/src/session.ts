// The visit: an id and resume token given by the edge, shared between tabs, 30 min idle, 24 h at most.

import { guard } from "./hooks";

const IDLE = 30 * 60_000;
const LONGEST = 24 * 3600_000;
// Storage is written at most this often: a write per event costs the page more than it gives us.
const TOUCH = 10_000;
const REMEMBERED = 20;

interface Visit {
  /** Session id, resume token, start, last activity, ids of interventions already shown. */
  s?: string;
  r?: string;
  a: number;
  l: number;
  i: string[];
}

export const randomId = () =>
  crypto.getRandomValues(new Uint32Array(4)).reduce((id, n) => id + n.toString(36), "");

/** Storage that may be missing, full or forbidden. */
export function stored(name: string, value?: string | null): string | null {
  let result: string | null = null;
  guard(() => {
    if (value) localStorage.setItem(name, value);
    else if (value === null) localStorage.removeItem(name);
    else result = localStorage.getItem(name);
  })();
  return result;
}

export function createSession(key: string) {
  const name = "siq:" + key.slice(-12);
  const begun = (now: number): Visit => ({ a: now, l: now, i: [] });
  let visit = begun(0);
  let written = 0;

  const alive = (v: Visit | null, now: number) => !!v && now - v.l < IDLE && now - v.a < LONGEST;

  function write() {
    written = visit.l;
    stored(name, JSON.stringify(visit));
  }

  function read(): Visit | null {
    let found: Visit | null = null;
    guard(() => (found = JSON.parse(stored(name)!)))();
    return found;
  }

  return {
    /** Joins the visit another tab or page has begun, or begins one. */
    _begin(now: number, afresh?: boolean) {
      const found = read();
      visit = !afresh && alive(found, now) ? found! : begun(now);
    },

    /** Takes note of activity at `now`; false when the visit had ended before it. */
    _touch(now: number): boolean {
      if (!alive(visit, now)) {
        // Idle here, but perhaps not in another tab.
        const other = read();
        if (other?.s != visit.s || !alive(other, now)) return false;
      }
      visit.l = now;
      if (now - written > TOUCH) write();
      return true;
    },

    _welcome({ session, resume }: { session: string; resume: string }) {
      visit.s = session;
      visit.r = resume;
      write();
    },

    /** True the first time an intervention is seen, in whichever tab. */
    _first(id: string): boolean {
      const other = read();
      if (other?.s == visit.s) visit.i = other!.i;
      if (visit.i.includes(id)) return false;
      visit.i = [...visit.i, id].slice(-REMEMBERED);
      write();
      return true;
    },

    _forget() {
      visit = begun(0);
      stored(name, null);
    },

    _hello: () => ({ session: visit.s, resume: visit.r }),
  };
}

export type Session = ReturnType<typeof createSession>;
