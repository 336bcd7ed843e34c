// The client: decides when to observe at all, and ties capture, outbox, connection and card together.

// Order of imports is order in the file, of which gzip likes this one better.
import { keep, kept } from "./storage";
import { startCapture } from "./capture";
import { newStream, view } from "./capture/page";
import { now, wake } from "./clock";
import { publish } from "./emitter";
import { guard, on, shutdown } from "./hooks";
import { help, more } from "./more";
import { bounded, clear } from "./outbox";
import { refuses, shield } from "./privacy";
import { close, emit, open, page, ptr, say, setPtr, stream } from "./record";
import { begin, entry, forget, identity, openSession, welcome } from "./session";
import { connect, disconnect, flush, isOpen, leave, reconnectAfter, sendKept, setLine } from "./transport";
import type { Consent, Identity, Options } from "./types";
import { Answer, Code, Nav } from "./wire";

declare const SDK_VERSION: string;

const OPT_OUT = "siq:optout";

let options: Options | undefined;
// Identity and consent count before anything starts, whenever they are given.
const consent: Partial<Consent> = {};
let who: Identity | undefined;
let killed = false;
/** How far the server's clock is ahead of ours. */
let ahead = 0;
let ready = false;
const early: [name: string, props?: Record<string, unknown>][] = [];

export function init(key: string, given: Options) {
  if (options) return;
  options = given;
  const { endpoint } = given;
  Object.assign(consent, { analytics: true, interventions: true, ...given.consent, ...consent });
  openSession(key);
  shield(given);
  setLine(
    endpoint,
    given.httpEndpoint || httpOf(endpoint),
    () => ({
      type: "hello",
      key,
      ...identity(),
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
    }),
    () => entry + ":" + stream,
    receive,
  );
  const begin = guard(() => {
    ready = true;
    start();
    for (const event of early) track(...event);
  });
  // A page that is rendered ahead of time has no visitor yet.
  if ((document as any).prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
}

function receive(m: any) {
  const { type, config, session } = m;
  if (type == "emotion" || type == "error") publish(type, m);
  if (config?.kill) return kill();
  if (session) {
    ahead = m.clock - now();
    welcome(m);
  }
  if (type == "welcome") publish("ready", { session, resumed: m.acked > 0 });
  if (type == "intervention" && consent.interventions) help(m, ahead);
}

/** Ends the stream that was, and with it a visit that is over, before something new is recorded. */
function rotate() {
  leave(true);
  disconnect(true);
  clear();
  begin(now(), true);
  open(rotate);
  connect();
  newStream();
  if (who) identify(who);
}

export function identify(given: Identity) {
  who = given;
  const { userId: user_id, email, traits, token } = who;
  say("identify", { user_id, email, traits: bounded(traits) || undefined, token });
}

export function start() {
  if (!ready || stream || killed || !consent.analytics || kept()[OPT_OUT]) return;
  if (options!.respectGpc !== false && refuses()) return;
  wake();
  begin(now());
  sendKept(entry + ":");
  open(rotate);
  setPtr(matchMedia("(pointer:coarse)").matches ? "touch" : "mouse");
  connect();
  startCapture();
  if (who) identify(who);
  lifecycle();
}

/** Registered last, so that the page's last events are in the outbox before it is sent. */
function lifecycle() {
  on("visibilitychange", () => {
    wake();
    emit(Code.Visibility, [+!document.hidden]);
    flush();
    if (document.hidden) leave(!isOpen());
    else keep(entry + ":" + stream);
  });
  on("pagehide", (e: PageTransitionEvent) => {
    more?._react(Answer.Navigation);
    flush();
    leave(true);
    // An open socket would keep the page out of the back-forward cache.
    disconnect(!e.persisted);
  });
  on("pageshow", (e: PageTransitionEvent) => {
    if (!e.persisted) return;
    connect();
    view(Nav.BackForward);
  });
  on("online", () => reconnectAfter(0));
}

function stop(bye: boolean) {
  if (!stream) return;
  shutdown();
  close();
  more?._help();
  disconnect(bye);
  clear();
}

function kill() {
  stop(false);
  killed = true;
}

/** Withdraws: the edge hears of it, then nothing more. */
function withdraw() {
  say("consent", consent);
  flush();
  if (stream && !isOpen()) leave(true);
  stop(true);
  if (options) forget();
}

export function track(name: string, props?: Record<string, unknown>) {
  if (ready) emit(Code.Track, [name, props], true);
  else early.push([name, props]);
}

export function reset() {
  who = undefined;
  say("reset", {});
  flush();
  more?._help();
  if (stream) rotate();
}

export function agree(given: Partial<Consent>) {
  Object.assign(consent, given);
  if (!consent.interventions) more?._help();
  if (!consent.analytics) return withdraw();
  say("consent", consent);
  start();
}

/** Stops or starts for this browser, and remembers it. */
export function opt(out: boolean) {
  consent.analytics = consent.interventions = !out;
  if (out) withdraw();
  keep(OPT_OUT, out ? "1" : 0);
  start();
}

/** The edge serves HTTP on the port next to its WebSocket; behind a proxy both share one origin. */
function httpOf(endpoint: string): string {
  return new URL(endpoint.replace(/^ws/, "http").replace(":8080", ":8081"), location.href).origin;
}

export { flush };
