// What must not be lost: events waiting for a number, and numbered messages waiting for their ack.
// Messages stay structured until they are written, because target indexes belong to a connection
// and a message sent again on another one must define its targets again.

import { Code, MAX_PROPS, MAX_STRING, type Ptr, type Target, type Value } from "./wire";

interface Pending {
  _t: number;
  /** An event's code and values… */
  _code?: Code;
  _args?: Value[];
  _ptr?: Ptr;
  _page?: string;
  /** …or a message of its own. */
  _type?: string;
  _fields?: object;
}

export interface Message {
  _seq: number;
  _type: string;
  _fields?: object;
  _events?: Pending[];
}

/** The interned targets of one connection. */
export type TargetTable = Map<string, number>;

const MAX_EVENTS = 500;
const MAX_INDEX = 4095;
// In characters; at three bytes each still below the edge's 64 KiB.
const MAX_CHARS = 20_000;
// A visitor who is offline for long loses samples of motion first, never presses.
const MAX_PENDING = 5_000;
const MAX_UNACKED = 256;
const EXPENDABLE = new Set([Code.PointerMove, Code.Scroll, Code.Hover]);

const isTarget = (value: Value): value is Target => Array.isArray(value);

/** A value within the wire's limits; an object beyond them is left out. */
export function bounded(value: Value): Value {
  if (typeof value == "string") return value.slice(0, MAX_STRING);
  if (typeof value == "number") return Number.isFinite(value) ? Math.round(value) : 0;
  if (value && !isTarget(value)) return JSON.stringify(value).length > MAX_PROPS ? null : value;
  return value;
}

export function createOutbox() {
  let pending: Pending[] = [];
  let unacked: Message[] = [];
  let seq = 0;

  /** Numbers what is pending, as long as the edge keeps up. */
  function cut(all?: boolean) {
    while (pending.length && (all || unacked.length < MAX_UNACKED)) {
      const first = pending[0];
      let n = 1;
      if (first._code) {
        let chars = 0;
        for (n = 0; n < pending.length && n < MAX_EVENTS; n++) {
          const next = pending[n];
          if (!next._code || next._ptr != first._ptr) break;
          chars += JSON.stringify(next._args).length + 12;
          if (n && chars > MAX_CHARS) break;
        }
      }
      const taken = pending.splice(0, n);
      unacked.push({
        _seq: ++seq,
        _type: first._type || "events",
        _fields: first._fields && { t: first._t, ...first._fields },
        _events: first._code && taken,
      } as Message);
    }
  }

  return {
    _event(code: Code, t: number, args: Value[], ptr: Ptr, page: string) {
      if (pending.length >= MAX_PENDING) {
        const spare = pending.findIndex((p) => EXPENDABLE.has(p._code!));
        pending.splice(spare < 0 ? 0 : spare, 1);
      }
      pending.push({ _t: t, _code: code, _args: args.map(bounded), _ptr: ptr, _page: page });
    },

    _message(type: string, t: number, fields: object) {
      pending.push({ _t: t, _type: type, _fields: fields });
    },

    _ack(acked: number) {
      unacked = unacked.filter((m) => m._seq > acked);
    },

    /** The numbered messages after `sent`, oldest first; `all` numbers beyond what the edge keeps up with. */
    _after(sent: number, all?: boolean) {
      cut(all);
      return unacked.filter((m) => m._seq > sent);
    },

    _waits: () => pending.length > 0,

    _clear() {
      pending = [];
      unacked = [];
      seq = 0;
    },
  };
}

export type Outbox = ReturnType<typeof createOutbox>;

/** One message as the frame of a connection whose target table is `table`. */
export function frame(message: Message, table: TargetTable): object {
  const { _type: type, _seq: seq, _fields: fields, _events: events } = message;
  if (!events) return { type, seq, ...fields };
  // An index must not change its meaning within a frame, so a full table starts over between frames.
  if (table.size + events.length > MAX_INDEX) table.clear();
  const fresh = !table.size;
  const targets: [number, string, number][] = [];
  const index = (target: Target) => {
    const name = target.join();
    if (!table.has(name)) {
      table.set(name, table.size + 1);
      targets.push([table.size, ...target]);
    }
    return table.get(name);
  };
  let previous = events[0]._t;
  const rows = events.map(({ _t, _code, _args }) => {
    const row = [_code, _t - previous, ..._args!.map((a) => (isTarget(a) ? index(a) : a))];
    previous = _t;
    while (row[row.length - 1] == null) row.pop();
    return row;
  });
  return {
    type,
    seq,
    t0: events[0]._t,
    ptr: events[0]._ptr,
    // The edge behind a new connection has not seen this stream's page views.
    page: fresh ? events[0]._page : undefined,
    targets: targets.length ? targets : undefined,
    events: rows,
  };
}
