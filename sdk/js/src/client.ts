// The client: decides when to observe at all, and ties capture, outbox, connection and card together.

import { startCapture } from "./capture";
import { newStream, view } from "./capture/page";
import { now, wake } from "./clock";
import { publish } from "./emitter";
import { consent, keptAs } from "./hello";
import { on, shutdown } from "./hooks";
import { help, more } from "./more";
import { bounded, clear } from "./outbox";
import { refuses, shield } from "./privacy";
import { emit, say } from "./record";
import { begin, entry, forget, openSession, welcome } from "./session";
import { keep, kept } from "./storage";
import { close, open, setPtr, stream } from "./stream";
import { connect, disconnect, flush, leave, reconnectAfter, sendKept, setLine, welcomed } from "./transport";
import type { Consent, Identity, Options } from "./types";
import { Answer, Code, Nav } from "./wire";

const OPT_OUT = "siq:optout";

let options: Options | undefined;
// Who it is counts before anything starts as well.
let who: Identity | undefined;
let killed = false;
/** How far the server's clock is ahead of ours. */
let ahead = 0;
let ready = false;
const early: [name: string, props?: Record<string, unknown>][] = [];

export const init = (key: string, given: Options) => {
  if (options) return;
  options = given;
  Object.assign(consent, { analytics: true, interventions: true, ...given.consent, ...consent });
  openSession(key);
  shield(given);
  setLine(given, receive);
  const begin = () => {
    ready = true;
    start();
    for (const event of early) track(...event);
  };
  // A page that is rendered ahead of time has no visitor yet.
  if ((document as any).prerendering) on("prerenderingchange", begin);
  else begin();
};

const receive = (m: any) => {
  const { type, config, session } = m;
  if (type == "emotion" || type == "error") publish(type, m);
  if (config?.kill) {
    stop(false);
    killed = true;
    return;
  }
  if (session) {
    // What is no number moves no clock.
    ahead = m.clock - now() || 0;
    welcome(m);
  }
  if (type == "welcome") publish("ready", { session, resumed: m.acked > 0 });
  if (type == "intervention" && consent.interventions) help(m, ahead);
};

/** Ends the stream that was, and with it a visit that is over, before something new is recorded. */
const rotate = (other?: boolean) => {
  leave(true);
  disconnect(true);
  clear();
  begin(now(), true, other);
  open(rotate);
  connect();
  newStream();
  if (who) identify(who);
};

export const identify = (given: Identity) => {
  who = given;
  const { userId: user_id, email, traits, token } = who;
  say("identify", { user_id, email, traits: bounded(traits) || undefined, token });
};

export const start = () => {
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
};

/** Listens to our own window alone: what becomes of a frame is not what becomes of the page. */
const here = (type: string, fn: (event: any) => void) => on(type, fn, () => window);

/** Registered last, so that the page's last events are in the outbox before it is sent. */
const lifecycle = () => {
  here("visibilitychange", () => {
    wake();
    emit(Code.Visibility, [+!document.hidden]);
    flush();
    if (document.hidden) leave(!welcomed);
    else keep(keptAs());
  });
  here("pagehide", (e: PageTransitionEvent) => {
    more?._react(Answer.Navigation);
    flush();
    leave(true);
    // An open socket would keep the page out of the back-forward cache.
    disconnect(!e.persisted);
  });
  here("pageshow", (e: PageTransitionEvent) => {
    if (!e.persisted) return;
    connect();
    view(Nav.BackForward);
  });
  here("online", () => reconnectAfter(0));
};

const stop = (bye: boolean) => {
  if (!stream) return;
  shutdown();
  close();
  more?._help();
  disconnect(bye);
  clear();
};

/** Withdraws: the edge hears of it, then nothing more. */
const withdraw = () => {
  say("consent", consent);
  flush();
  if (stream && !welcomed) leave(true);
  stop(true);
  if (options) forget();
};

export const track = (name: string, props?: Record<string, unknown>) => {
  if (ready) emit(Code.Track, [name, props], true);
  else early.push([name, props]);
};

export const reset = () => {
  who = undefined;
  say("reset", {});
  flush();
  more?._help();
  if (stream) rotate(true);
};

export const agree = (given: Partial<Consent>) => {
  Object.assign(consent, given);
  if (!consent.interventions) more?._help();
  if (!consent.analytics) return withdraw();
  say("consent", consent);
  start();
};

/** Stops or starts for this browser, and remembers it. */
export const opt = (out: boolean) => {
  keep(OPT_OUT, out ? "1" : 0);
  agree({ analytics: !out, interventions: !out });
};

export { flush };
