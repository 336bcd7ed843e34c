// What must not be lost: numbered messages waiting for their ack. The last may still take events. Each is
// a frame that can be read by itself, so that it can be sent again, on whatever way.

import { Code, MAX_PROPS, MAX_STRING, type Ptr, type Target, type Value } from "./wire";

type Row = [t: number, code: Code, ...args: Value[]];

/** As on the wire, but for the rows of a frame of events. */
interface Message {
  type: string;
  seq: number;
  ptr?: Ptr;
  _rows?: Row[];
}

// In characters: at three bytes each far below the edge's 64 KiB; and as no event has fewer than 17, never
// more than its 500 events.
const MAX_CHARS = 8_500;
// A visitor who is offline for long loses samples of motion first, never presses.
const MAX_FRAMES = 20;

/** A value within the wire's limits; an object beyond them is left out. */
export const bounded = (value: Value): Value => {
  if (typeof value == "string") return value.slice(0, MAX_STRING);
  if (typeof value == "number") return Math.round(value) || 0;
  return value && JSON.stringify(value).length > MAX_PROPS ? null : value;
};

let unacked: Message[] = [];
let open: Message | undefined;
let size = 0;
let seq = 0;

const add = (message: object) => {
  unacked.push((open = { ...message, seq: ++seq } as Message));
};

/** Leaves out motion, but never empties a frame. */
const thin = () => {
  for (const message of unacked) {
    message._rows = message._rows?.filter(
      ([, code], n) => !n || (code != Code.PointerMove && code != Code.Scroll && code != Code.Hover),
    );
  }
};

export const addEvent = (t: number, code: Code, args: Value[], ptr: Ptr, page: string) => {
  const row: Row = [t, code, ...args.map(bounded)];
  size += JSON.stringify(row).length;
  if (open?.ptr != ptr || size > MAX_CHARS) {
    if (unacked.length > MAX_FRAMES) thin();
    size = 0;
    add({ type: "events", ptr, page, _rows: [] });
  }
  open!._rows!.push(row);
};

export const addMessage = (type: string, fields: object) => add({ type, ...fields });

export const ack = (acked: number) => {
  unacked = unacked.filter((m) => m.seq > acked);
};

/** The messages after `sent`, oldest first; no more events for any of them. */
export const after = (sent: number) => {
  open = undefined;
  return unacked.filter((m) => m.seq > sent);
};

export const clear = () => {
  open = undefined;
  unacked = [];
  seq = 0;
};

/** One message as it is sent. */
export const frame = ({ _rows: rows, ...head }: Message) => {
  if (!rows) return JSON.stringify(head);
  const targets: [number, ...Target][] = [];
  const names: string[] = [];
  const indexed = (value: Value) => {
    if (!Array.isArray(value)) return value;
    const name = value.join();
    return names.indexOf(name) + 1 || targets.push([names.push(name), ...(value as Target)]);
  };
  const [[t0]] = rows;
  let previous = t0;
  const events = rows.map(([t, code, ...args]) => {
    const row = [code, t - previous, ...args.map(indexed)];
    previous = t;
    return row;
  });
  return JSON.stringify({ ...head, t0, targets, events });
};

/** What is unacknowledged as a body of /v1/batch, with `limit` characters of messages; motion goes first. */
export const batch = (hello: object, limit: number, lean?: boolean): string => {
  if (lean) thin();
  const head = JSON.stringify(hello);
  let size = head.length;
  const frames = after(0)
    .map(frame)
    .filter((text) => (size += text.length) < limit);
  if (size >= limit && !lean) return batch(hello, limit, true);
  return frames[0] && `{"hello":${head},"messages":[${frames}]}`;
};
