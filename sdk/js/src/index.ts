// The public API. Importing it does nothing, in a browser or on a server.

import * as client from "./client";
import { listen } from "./emitter";
import { guard } from "./hooks";
import type { Consent, Events, Handler, Identity, Options } from "./types";

export type * from "./types";

/** Whether this is the script tag's build, which no server runs. */
declare const SCRIPT: boolean;

/** On a server nothing happens; in a page nothing is thrown. */
const safely = <A extends unknown[]>(fn: (...args: A) => void): ((...args: A) => void) =>
  SCRIPT || typeof window != "undefined" ? guard(fn) : () => {};

/** Starts observing, unless the visitor refuses (Global Privacy Control, Do Not Track, opt-out). */
export const init: (key: string, options: Options) => void = safely(client.init);

/** Who the visitor is. Without a `token` signed by your server the identity counts as claimed. */
export const identify: (who: Identity) => void = safely(client.identify);

/** Something that happened in your application. `props` pass the tenant's allow-list. */
export const track: (name: string, props?: Record<string, unknown>) => void = safely(client.track);

/** Listens; the returned function stops listening. */
export const on: <K extends keyof Events>(name: K, fn: Handler<K>) => () => void = listen;

/** The visitor has signed out: a new visit begins, with nobody known. */
export const reset: () => void = safely(client.reset);

/** What the visitor has agreed to. Without `analytics` everything stops and stored ids are removed. */
export const consent: (given: Partial<Consent>) => void = safely(client.agree);

/** Stops for good in this browser, until `optIn`. */
export const optOut: () => void = safely(() => client.opt(true));
export const optIn: () => void = safely(() => client.opt(false));

/** Sends now what waits for the next batch. */
export const flush: () => void = safely(client.flush);
