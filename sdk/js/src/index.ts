// The public API. Importing it does nothing, in a browser or on a server.

import { createClient, type Client } from "./client";
import { createEmitter } from "./emitter";
import { guard } from "./hooks";
import type { Consent, Events, Handler, Identity, Options } from "./types";

export type * from "./types";

const inBrowser = typeof window != "undefined";
let client: Client | undefined;
let begun: Options | undefined;
// What is asked before `init`: identity and consent count before anything starts, events after.
const before: ((c: Client) => void)[] = [];
const after: ((c: Client) => void)[] = [];
const events = createEmitter<Events>();

const ask = (fn: (c: Client) => void, early = before) => {
  if (client) guard(fn)(client);
  else if (inBrowser) early.push(fn);
};

/** Starts observing, unless the visitor refuses (Global Privacy Control, Do Not Track, opt-out). */
export function init(key: string, options: Options): void {
  if (begun || !inBrowser) return;
  begun = options;
  const begin = guard(() => {
    client = createClient(key, options, events._emit);
    [...before, (c: Client) => c._start(), ...after].forEach((fn) => ask(fn));
  });
  // A page that is rendered ahead of time has no visitor yet.
  if ((document as any).prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
}

/** Who the visitor is. Without a `token` signed by your server the identity counts as claimed. */
export const identify = (who: Identity): void => ask((c) => c._identify(who));

/** Something that happened in your application. `props` pass the tenant's allow-list. */
export const track = (name: string, props?: Record<string, unknown>): void => 
  ask((c) => c._track(name, props), after);

/** Listens; the returned function stops listening. */
export const on = <K extends keyof Events>(name: K, fn: Handler<K>): (() => void) => events._on(name, fn);

/** The visitor has signed out: a new visit begins, with nobody known. */
export const reset = (): void => ask((c) => c._reset());

/** What the visitor has agreed to. Without `analytics` everything stops and stored ids are removed. */
export const consent = (given: Partial<Consent>): void => ask((c) => c._consent(given));

/** Stops for good in this browser, until `optIn`. */
export const optOut = (): void => ask((c) => c._opt(true));
export const optIn = (): void => ask((c) => c._opt(false));

/** Sends now what waits for the next batch. */
export const flush = (): void => ask((c) => c._flush(), after);
