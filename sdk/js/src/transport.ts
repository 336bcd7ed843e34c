// The connection: hello, welcome, acks, resend after a reconnect, and a beacon for what is left when
// the page goes away.

import type { Clock } from "./clock";
import { guard } from "./hooks";
import { frame, type Outbox, type TargetTable } from "./outbox";
import type { Events } from "./types";
import { SUBPROTOCOL } from "./wire";

const BACKOFF_MIN = 1_000;
const BACKOFF_MAX = 60_000;
const FRAME_MS = 16;
// In characters; the browser takes 64 KiB.
const MAX_BEACON = 50_000;

// The key or the consent is gone.
const FINAL = [4401, 4403];
// Nothing was said for long.
const IDLE = 4408;

export interface TransportOptions {
  _endpoint: string;
  _http: string;
  _outbox: Outbox;
  _clock: Clock;
  _hello: () => object;
  _receive: (message: any) => void;
  _status: (status: Events["status"], code?: number) => void;
}

export function createTransport(o: TransportOptions) {
  let socket: WebSocket | undefined;
  let table: TargetTable = new Map();
  let welcomed = false;
  let stopped = true;
  let dormant = false;
  let sent = 0;
  let attempt = 0;
  let coalesce = 250;
  let pausedUntil = 0;
  let urgent = false;
  let flushTimer: any;
  let retryTimer: any;

  function connect() {
    if (stopped || socket) return;
    dormant = false;
    o._status("connecting");
    const ws = (socket = new WebSocket(o._endpoint, SUBPROTOCOL));
    ws.onopen = guard(() => ws.send(JSON.stringify({ type: "hello", ...o._hello() })));
    ws.onmessage = guard((e: MessageEvent) => socket == ws && receive(JSON.parse(e.data)));
    ws.onclose = guard((e: CloseEvent) => socket == ws && retry(e.code));
  }

  function drop() {
    clearTimeout(retryTimer);
    const ws = socket;
    socket = undefined;
    welcomed = false;
    // A server that never answers the closing handshake must not keep the old socket's events alive.
    ws?.close();
  }

  function retry(code: number) {
    drop();
    if (FINAL.includes(code)) {
      stopped = true;
      return o._status("stopped", code);
    }
    o._status("closed", code);
    // Nobody is there: connect again with the visitor's next move.
    if (code == IDLE) dormant = true;
    else reconnectAfter(Math.min(BACKOFF_MAX, BACKOFF_MIN * 2 ** attempt++));
  }

  /** With full jitter, so that a restarted edge is not met by everyone at once. */
  function reconnectAfter(ms: number) {
    retryTimer = setTimeout(() => {
      drop();
      connect();
    }, Math.random() * ms);
  }

  function receive(message: any) {
    const { type, config, retry_after_ms } = message;
    coalesce = Math.min(config?.coalesce_ms ?? coalesce, 1000);
    if (retry_after_ms) pausedUntil = o._clock._now() + retry_after_ms;
    if (type == "welcome") {
      welcomed = true;
      table = new Map();
      acked((sent = message.acked));
    }
    if (type == "ack") acked(message.seq);
    if (type == "drain") reconnectAfter(message.after_ms);
    o._receive(message);
    if (type == "welcome") {
      o._status("open");
      flush();
    }
  }

  function acked(seq: number) {
    o._outbox._ack(seq);
    // Progress, not a mere connection, is what ends the back-off.
    if (seq) attempt = 0;
  }

  function flush() {
    clearTimeout(flushTimer);
    flushTimer = 0;
    urgent = false;
    if (dormant) return connect();
    if (!welcomed || !socket) return;
    const wait = pausedUntil - o._clock._now();
    if (wait > 0) return later(wait);
    for (const message of o._outbox._after(sent)) {
      socket.send(JSON.stringify(frame(message, table)));
      sent = message._seq;
    }
    // More waits than the edge has acknowledged so far.
    if (o._outbox._waits()) later(coalesce);
  }

  function later(ms: number) {
    flushTimer = flushTimer || setTimeout(guard(flush), ms);
  }

  /** Sends soon: a critical event at the next animation frame, the rest with the next batch. */
  function schedule(critical: boolean) {
    if (!critical) return later(coalesce);
    if (urgent) return;
    urgent = true;
    clearTimeout(flushTimer);
    flushTimer = setTimeout(guard(flush), FRAME_MS);
    // Whichever comes first; a hidden page has no frames.
    if (!document.hidden) requestAnimationFrame(guard(() => urgent && flush()));
  }

  return {
    _start() {
      stopped = false;
      connect();
    },

    _schedule: schedule,
    _flush: flush,

    /** Leaves what is unacknowledged with the browser; the edge drops what it had already. */
    _beacon() {
      const messages: object[] = [];
      const own: TargetTable = new Map();
      const hello = { type: "hello", ...o._hello() };
      let size = JSON.stringify(hello).length;
      for (const message of o._outbox._after(0, true)) {
        const next = frame(message, own);
        if ((size += JSON.stringify(next).length) > MAX_BEACON) break;
        messages.push(next);
      }
      if (messages.length) navigator.sendBeacon(o._http + "/v1/batch", JSON.stringify({ hello, messages }));
    },

    _isOpen: () => welcomed,

    /** The network has changed: the old socket may be dead without knowing it. */
    _reconnect: () => reconnectAfter(0),

    /** Closes for good; `bye` tells the edge that this stream has ended. */
    _stop(bye: boolean) {
      if (bye && welcomed) socket!.send('{"type":"bye"}');
      stopped = true;
      drop();
    },
  };
}

export type Transport = ReturnType<typeof createTransport>;
