// The visit: an id and resume token given by the edge, shared between tabs, 30 min idle, 24 h at most.

import { keep, kept, keptUnder } from "./storage";

const IDLE = 30 * 60_000;
const LONGEST = 24 * 3600_000;
// Storage is written at most this often: a write per event costs the page more than it gives us.
const TOUCH = 10_000;
const REMEMBERED = 40;

interface Visit {
  /** Session id, resume token, start, last activity, what is over: interventions, dismissed templates. */
  s?: string;
  r?: string;
  a: number;
  l: number;
  i: string[];
}

const begun = (now: number): Visit => ({ a: now, l: now, i: [] });

/** The entry in the browser's storage. */
export let entry = "";
export let visit = begun(0);
export let key: string;

const alive = (v: Visit | undefined, now: number) => v && now - v.l < IDLE && now - v.a < LONGEST;

const write = () => keep(entry, JSON.stringify(visit));

/** What another tab or page has written last. */
const read = (): Visit | undefined => {
  try {
    return JSON.parse(kept()[entry]);
  } catch {
    // Nothing yet, or nothing of ours.
    return undefined;
  }
};

export const openSession = (given: string) => {
  key = given;
  entry = "siq:" + key.slice(-12);
};

/**
 * Joins the visit another tab or page has begun, or begins one. The token of the one before stays:
 * by it the edge recognises the browser, unless somebody else is to be in front of it now.
 */
export const begin = (now: number, afresh?: boolean, other?: boolean) => {
  const found = read();
  visit = afresh || !alive(found, now) ? begun(now) : found!;
  if (!other) visit.r = found?.r;
};

/** Takes note of activity at `now`; false when the visit had ended before it. */
export const touch = (now: number): boolean => {
  // Idle here, but perhaps not in another tab.
  const last = alive(visit, now) ? visit : read();
  if (last?.s != visit.s || !alive(last, now)) return false;
  if (now - visit.l > TOUCH) {
    visit.l = now;
    write();
  }
  return true;
};

export const welcome = (message: { session: string; resume: string }) => {
  visit.s = message.session;
  visit.r = message.resume;
  write();
};

/** True the first time something is noted in this visit, in whichever tab; `peek` notes nothing. */
export const first = (id: string, peek?: boolean): boolean => {
  const other = read();
  if (other?.s == visit.s) visit.i = other!.i;
  if (visit.i.includes(id)) return false;
  if (peek) return true;
  visit.i = [...visit.i, id].slice(-REMEMBERED);
  write();
  return true;
};

/** Leaves nothing in the browser. */
export const forget = () => {
  visit = begun(0);
  for (const name of keptUnder(entry)) keep(name);
};
