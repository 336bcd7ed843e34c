// The client: decides when to observe at all, and ties capture, outbox, connection and card together.

import { startCapture, type Capture } from "./capture";
import { createClock } from "./clock";
import { createHooks, type Hooks } from "./hooks";
import { bounded, createOutbox } from "./outbox";
import { createShield, optedOut, pagePath, refuses } from "./privacy";
import { createSession, randomId } from "./session";
import { createTransport } from "./transport";
import type { Consent, Events, Identity, Options } from "./types";
import { Code, type Ptr, type Value } from "./wire";
import { createQueue } from "./widget/queue";

declare const SDK_VERSION: string;

export type Publish = <K extends keyof Events>(name: K, event: Events[K]) => void;

export function createClient(key: string, options: Options, publish: Publish) {
  const consent: Consent = { analytics: true, interventions: true, ...options.consent };
  const clock = createClock();
  const outbox = createOutbox();
  const session = createSession(key);
  let hooks: Hooks | undefined;
  let capture: Capture | undefined;
  let identity: Identity | undefined;
  let identified = false;
  let killed = false;
  let stream = "";
  let page = "";
  let ptr: Ptr = "mouse";
  let sampling = 1;
  let serverAhead = 0;

  const transport = createTransport({
    _endpoint: options.endpoint,
    _http: options.httpEndpoint || httpOf(options.endpoint),
    _outbox: outbox,
    _clock: clock,
    _hello: hello,
    _receive: receive,
    _status(status, code) {
      publish("status", status);
      if (status == "stopped") {
        kill();
        publish("error", { code: String(code), message: "refused" });
      }
    },
  });

  const cards = createQueue({
    _serverNow: () => clock._now() + serverAhead,
    _first: session._first,
    _outcome: (intervention, kind, action) => message("outcome", { intervention, kind, action }),
    _announce: (event) => publish("intervention", event),
    _action: (intervention, action) => publish("action", { intervention, action }),
  });

  function hello() {
    return {
      key,
      ...session._hello(),
      stream,
      sdk: "js/" + SDK_VERSION,
      page: page || pagePath(),
      vw: innerWidth,
      vh: innerHeight,
      ptr,
      lang: navigator.language,
      tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
      clock: clock._now(),
      consent,
      gpc: refuses(),
      webdriver: navigator.webdriver,
    };
  }

  function receive(m: any) {
    const { type, config, session: id } = m;
    sampling = config?.sampling ?? sampling;
    if (config?.kill) return kill();
    if (type == "welcome") {
      serverAhead = m.clock - clock._now();
      session._welcome(m);
      publish("ready", { session: id, resumed: m.acked > 0 });
    }
    if (type == "emotion" || type == "error") publish(type, m);
    if (type == "intervention" && consent.interventions) cards._add(m);
  }

  /** Ends the stream that was, and with it a visit that is over, before something new is recorded. */
  function rotate() {
    transport._beacon();
    transport._stop(true);
    outbox._clear();
    session._begin(clock._now(), true);
    stream = randomId();
    transport._start();
    capture!._newStream();
    if (identity) identify(identity);
  }

  function emit(code: Code, args: Value[], critical?: boolean) {
    if (!hooks) return;
    const t = clock._stamp();
    if (!session._touch(t) && capture) rotate();
    outbox._event(code, t, args, ptr, page);
    transport._schedule(!!critical);
  }

  function message(type: string, fields: object) {
    if (!hooks) return;
    outbox._message(type, clock._stamp(), fields);
    transport._schedule(true);
  }

  function identify(who: Identity) {
    identity = who;
    identified = !!hooks;
    const { userId: user_id, email, traits, token } = who;
    message("identify", { user_id, email, traits: bounded(traits) || undefined, token });
  }

  function start() {
    if (hooks || killed || !consent.analytics || optedOut()) return;
    if (options.respectGpc !== false && refuses()) return;
    hooks = createHooks(clock);
    session._begin(clock._now());
    stream = randomId();
    ptr = matchMedia("(pointer:coarse)").matches ? "touch" : "mouse";
    transport._start();
    capture = startCapture(
      {
        ...hooks,
        ...createShield(options.ignore, options.mask),
        _now: clock._now,
        _sampling: () => sampling,
        _setPtr: (kind) => (ptr = kind || ptr),
        _emit: emit,
      },
      (path) => (page = path),
    );
    if (identity && !identified) identify(identity);
    lifecycle(hooks);
  }

  /** Registered last, so that the page's last events are in the outbox before it is sent. */
  function lifecycle({ _on }: Hooks) {
    _on("visibilitychange", () => {
      clock._wake();
      transport._flush();
      if (!document.hidden) cards._next();
      else if (!transport._isOpen()) transport._beacon();
    });
    _on("pagehide", (e: PageTransitionEvent) => {
      transport._flush();
      transport._beacon();
      // An open socket would keep the page out of the back-forward cache.
      transport._stop(!e.persisted);
    });
    _on("pageshow", (e: PageTransitionEvent) => {
      if (e.persisted) transport._start();
    });
    _on("online", transport._reconnect);
  }

  function stop(bye: boolean) {
    if (!hooks) return;
    hooks._shutdown();
    hooks = capture = undefined;
    identified = false;
    cards._clear();
    transport._stop(bye);
    outbox._clear();
  }

  function kill() {
    stop(false);
    killed = true;
  }

  /** Withdraws: the edge hears of it, then nothing more. */
  function withdraw() {
    message("consent", { ...consent });
    transport._flush();
    if (!transport._isOpen()) transport._beacon();
    stop(true);
    session._forget();
  }

  return {
    _start: start,
    _identify: identify,
    _flush: transport._flush,

    _track(name: string, props?: Record<string, unknown>) {
      emit(Code.Track, [name, props], true);
    },

    _reset() {
      identity = undefined;
      message("reset", {});
      transport._flush();
      cards._clear();
      if (capture) rotate();
    },

    _consent(given: Partial<Consent>) {
      Object.assign(consent, given);
      if (!consent.interventions) cards._clear();
      if (!consent.analytics) return withdraw();
      message("consent", { ...consent });
      start();
    },

    /** Stops or starts for this browser, and remembers it. */
    _opt(out: boolean) {
      consent.analytics = consent.interventions = !out;
      if (out) withdraw();
      optedOut(out);
      start();
    },
  };
}

/** The edge serves HTTP on the port next to its WebSocket; behind a proxy both share one origin. */
function httpOf(endpoint: string): string {
  const url = new URL(endpoint, location.href);
  url.protocol = url.protocol.replace("ws", "http");
  if (url.port == "8080") url.port = "8081";
  return url.origin;
}

export type Client = ReturnType<typeof createClient>;
