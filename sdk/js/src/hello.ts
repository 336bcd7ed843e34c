// What every connection begins with: who we are, where, and on which terms.

import { now } from "./clock";
import { refuses } from "./privacy";
import { entry, key, visit } from "./session";
import { page, ptr, stream } from "./stream";
import type { Consent } from "./types";

declare const SDK_VERSION: string;

// It counts before anything starts, whenever it is given.
export const consent: Partial<Consent> = {};

export const hello = () => ({
  type: "hello",
  key,
  session: visit.s,
  resume: visit.r,
  stream,
  sdk: "js/" + SDK_VERSION,
  page,
  vw: innerWidth,
  vh: innerHeight,
  ptr,
  lang: navigator.language,
  tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
  clock: now(),
  consent,
  gpc: refuses(),
  webdriver: navigator.webdriver,
});

/** The entry of the browser's storage in which this stream is kept. */
export const keptAs = () => entry + ":" + stream;
