// The public API of the npm package. Importing it does nothing, in a browser or on a server.

import { api } from "./api";
import type { Consent, Events, Handler, Identity, Options } from "./types";

export type * from "./types";

/** On a server nothing happens. */
const inPage = <A extends unknown[]>(fn: (...args: A) => void): ((...args: A) => void) =>
  typeof window == "undefined" ? () => {} : fn;

/** Starts observing, unless the visitor refuses (Global Privacy Control, Do Not Track, opt-out). */
export const init: (key: string, options: Options) => void = inPage(api.init);

/** Who the visitor is. Without a `token` signed by your server the identity counts as claimed. */
export const identify: (who: Identity) => void = inPage(api.identify);

/** Something that happened in your application. `props` pass the tenant's allow-list. */
export const track: (name: string, props?: Record<string, unknown>) => void = inPage(api.track);

/** Listens; the returned function stops listening. */
export const on: <K extends keyof Events>(name: K, fn: Handler<K>) => () => void = api.on;

/** The visitor has signed out: a new visit begins, with nobody known. */
export const reset: () => void = inPage(api.reset);

/** What the visitor has agreed to. Without `analytics` everything stops and stored ids are removed. */
export const consent: (given: Partial<Consent>) => void = inPage(api.consent);

/** Stops for good in this browser, until `optIn`. */
export const optOut: () => void = inPage(api.optOut);
export const optIn: () => void = inPage(api.optIn);

/** Sends now what waits for the next batch. */
export const flush: () => void = inPage(api.flush);
