// The connection: hello, welcome, acks, resend after a reconnect; where sockets are blocked, batches by
// HTTP; and what is left when the page goes away, by beacon and kept for the next page.

import { now } from "./clock";
import { publish } from "./emitter";
import { hello, keptAs } from "./hello";
import { guard } from "./hooks";
import { ack, after, batch, frame } from "./outbox";
import { keep, kept, keptUnder } from "./storage";
import { stream } from "./stream";
import type { Options } from "./types";
import { SUBPROTOCOL } from "./wire";

const BACKOFF_MIN = 1_000;
const BACKOFF_MAX = 60_000;
const SOON_MS = 10;
// In characters; the browser takes 64 KiB from a page that goes away, the edge 256 KiB.
const MAX_BEACON = 50_000;
const MAX_KEPT = 250_000;
// Connections that failed in a row before HTTP is tried.
const BLOCKED = 3;
const ANSWER_MS = 30_000;

// The key or the consent is gone.
const FINAL = [4401, 4403];
// Nothing was said for long.
const IDLE = 4408;

let endpoint: string;
let http: string;
let heard: (message: any) => void;
let socket: WebSocket | undefined;
export let welcomed = false;
let stopped = true;
let dormant = false;
let sent = 0;
let attempt = 0;
let coalesce = 250;
/** Share of pointer moves to keep, 0 to 1. */
export let sampling = 1;
let pausedUntil = 0;
let flushTimer: any;
/** How many ms it was set to. */
let due: number;
let retryTimer: any;

export const setLine = (options: Options, hears: typeof heard) => {
  endpoint = options.endpoint;
  // The edge serves HTTP on the port next to its WebSocket; behind a proxy both share one origin.
  const nextTo = () => new URL(endpoint.replace(/^ws/, "http").replace(":8080", ":8081"), location.href).origin;
  http = (options.httpEndpoint || nextTo()) + "/v1/batch";
  heard = hears;
};

export const connect = () => {
  stopped = dormant = false;
  if (socket) return;
  publish("status", "connecting");
  try {
    const ws = (socket = new WebSocket(endpoint, SUBPROTOCOL));
    ws.onopen = guard(() => ws.send(JSON.stringify(hello())));
    ws.onmessage = guard((e: MessageEvent) => socket == ws && receive(JSON.parse(e.data)));
    ws.onclose = guard((e: CloseEvent) => socket == ws && retry(e.code));
  } catch {
    retry();
  }
};

const drop = () => {
  clearTimeout(retryTimer);
  const ws = socket;
  socket = undefined;
  welcomed = false;
  // A server that never answers the closing handshake must not keep the old socket's events alive.
  ws?.close();
};

/** Whether it is over; says so. */
const refused = (code: number) => {
  if (!FINAL.includes(code)) return false;
  stopped = true;
  publish("status", "stopped");
  heard({ type: "error", code: code + "", message: "refused", config: { kill: true } });
  return true;
};

const retry = (code = 0) => {
  drop();
  if (refused(code)) return;
  publish("status", "closed");
  // Nobody is there: connect again with the visitor's next move.
  dormant = code == IDLE;
  if (dormant) return;
  reconnectAfter(Math.min(BACKOFF_MAX, BACKOFF_MIN * 2 ** attempt++));
  // By requests, if it is sockets that fail.
  later(coalesce);
};

/** With full jitter, so that a restarted edge is not met by everyone at once. */
export const reconnectAfter = (ms: number) => {
  retryTimer = setTimeout(() => {
    drop();
    if (!stopped) connect();
  }, Math.random() * ms);
};

const receive = (message: any) => {
  const { type, config, retry_after_ms } = message;
  coalesce = config?.coalesce_ms ?? coalesce;
  sampling = config?.sampling ?? sampling;
  // Who pays by the byte sends a fifth of the moves, once a second.
  if ((navigator as any).connection?.saveData) {
    coalesce = 1000;
    sampling = 0.2;
  }
  if (retry_after_ms) pausedUntil = now() + retry_after_ms;
  if (type == "welcome") {
    welcomed = true;
    pausedUntil = 0;
    sent = message.acked;
    acked(sent);
    // It may be kept under no session yet.
    keep(keptAs());
  }
  if (type == "ack") acked(message.seq);
  if (type == "drain") reconnectAfter(message.after_ms);
  heard(message);
  if (type == "welcome") {
    publish("status", "open");
    flush();
  }
};

const acked = (seq: number) => {
  ack(seq);
  // Progress, not a mere connection, is what ends the back-off.
  if (seq) attempt = 0;
};

export const flush = () => {
  flushTimer = clearTimeout(flushTimer);
  if (stopped) return;
  if (dormant) return connect();
  const wait = pausedUntil - now();
  if (wait > 0) return later(wait);
  if (welcomed) {
    for (const message of after(sent)) {
      socket!.send(frame(message));
      sent = message.seq;
    }
  } else if (attempt >= BLOCKED) post();
};

const send = (body: string, keepalive?: boolean) => fetch(http, { method: "POST", body, keepalive });

/** Sockets do not get through, perhaps this does; nobody can push then. */
const post = async () => {
  const begun = stream;
  const body = batch(hello(), MAX_BEACON);
  if (!body) return;
  pausedUntil = now() + ANSWER_MS;
  let wait = Math.random() * ANSWER_MS;
  try {
    const answer = await send(body, true);
    wait = 1000 * (answer.headers.get("Retry-After") as any) || wait;
    if (refused(4000 + answer.status)) return;
    // For another stream by now, it would be the wrong answer.
    if (answer.ok && begun == stream) {
      const message = await answer.json();
      wait = 1000;
      ack(message.acked);
      heard(message);
    }
  } catch {
    // Nobody there; later, perhaps.
  }
  pausedUntil = now() + wait;
  later(wait);
};

/** Sends what earlier pages had to keep; the edge drops what it had already. */
export const sendKept = (prefix: string) => {
  for (const name of keptUnder(prefix)) {
    send(kept()[name]).then(
      // Refused for good is settled as well.
      ({ status }) => status < 429 && keep(name),
      () => {},
    );
  }
};

/** The page may be gone in a moment: leaves what is unacknowledged with the browser, and in its storage. */
export const leave = (urgently: boolean) => {
  const said = hello();
  // Under no session, the edge could not tell that it has had something already: one way only.
  if (urgently && (said.session || !attempt)) {
    const body = batch(said, MAX_BEACON);
    if (body) navigator.sendBeacon(http, body);
  }
  if (said.session || attempt) keep(keptAs(), batch(said, MAX_KEPT));
};

/** Closes for good; `bye` tells the edge that this stream has ended. */
export const disconnect = (bye: boolean) => {
  if (bye && welcomed) socket!.send('{"type":"bye"}');
  stopped = true;
  drop();
};

/** Flushes in so many ms, unless it does sooner anyway. */
const later = (ms: number) => {
  if (flushTimer && ms >= due) return;
  clearTimeout(flushTimer);
  flushTimer = setTimeout(guard(flush), (due = ms));
};

/** Sends soon: a critical event within an animation frame, the rest with the next batch. */
export const schedule = (critical?: boolean) => later(critical ? SOON_MS : coalesce);
