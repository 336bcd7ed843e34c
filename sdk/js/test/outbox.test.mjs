import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { createOutbox, frame } = await load("outbox");
const CLICK = 3;
const MOVE = 2;
const BUY = ["button#buy", 2];

test("events between messages share a frame, and numbers are dense from 1", () => {
  const outbox = createOutbox();
  outbox._event(MOVE, 1000, [1, 2], "mouse", "/");
  outbox._event(CLICK, 1010, [1, 2, BUY, 0, 1, null], "mouse", "/");
  outbox._message("identify", 1020, { user_id: "u" });
  outbox._event(MOVE, 1030, [3, 4], "mouse", "/");
  const frames = outbox._after(0).map((m) => frame(m, new Map()));
  assert.deepEqual(frames.map((f) => [f.type, f.seq]), [["events", 1], ["identify", 2], ["events", 3]]);
  assert.deepEqual(frames[0].events, [[MOVE, 0, 1, 2], [CLICK, 10, 1, 2, 1, 0, 1]]);
  assert.deepEqual(frames[0].targets, [[1, "button#buy", 2]]);
  assert.equal(frames[1].t, 1020);
});

test("a target is defined once per connection, and again on the next one", () => {
  const outbox = createOutbox();
  const table = new Map();
  outbox._event(CLICK, 1, [0, 0, BUY], "mouse", "/");
  outbox._after(0);
  outbox._event(CLICK, 2, [0, 0, BUY], "mouse", "/");
  const [first, second] = outbox._after(0);
  assert.ok(frame(first, table).targets);
  assert.equal(frame(second, table).targets, undefined);
  assert.deepEqual(frame(second, new Map()).targets, [[1, "button#buy", 2]]);
});

test("an ack is cumulative; what follows it is sent again, unchanged", () => {
  const outbox = createOutbox();
  for (const t of [1, 2, 3]) {
    outbox._event(MOVE, t, [t, t], "mouse", "/");
    outbox._after(0);
  }
  outbox._ack(2);
  assert.deepEqual(outbox._after(0).map((m) => m._seq), [3]);
});

test("a frame holds at most 500 events of one pointer type", () => {
  const outbox = createOutbox();
  for (let t = 0; t < 700; t++) outbox._event(MOVE, t, [t, t], "mouse", "/");
  outbox._event(CLICK, 700, [0, 0, BUY], "touch", "/");
  const frames = outbox._after(0).map((m) => frame(m, new Map()));
  assert.deepEqual(frames.map((f) => [f.ptr, f.events.length]), [["mouse", 500], ["mouse", 200], ["touch", 1]]);
});

test("frames stay below 64 KiB, whatever a page tracks", () => {
  const outbox = createOutbox();
  for (let t = 0; t < 400; t++) outbox._event(21, t, ["n", { text: "é€".repeat(400) }], "mouse", "/");
  for (const message of outbox._after(0)) {
    assert.ok(Buffer.byteLength(JSON.stringify(frame(message, new Map()))) < 65536);
  }
});

test("a table that is full starts over between frames", () => {
  const outbox = createOutbox();
  const table = new Map();
  for (let n = 0; n < 5000; n++) outbox._event(CLICK, n, [0, 0, [`b#${n}`, 0]], "mouse", "/");
  for (const message of outbox._after(0, true)) {
    for (const [index] of frame(message, table).targets) assert.ok(index >= 1 && index <= 4095);
  }
});

test("too many events cost motion first", () => {
  const outbox = createOutbox();
  outbox._event(CLICK, 0, [0, 0, BUY], "mouse", "/");
  for (let t = 1; t < 6000; t++) outbox._event(MOVE, t, [t, t], "mouse", "/");
  const events = outbox._after(0, true).flatMap((m) => frame(m, new Map()).events);
  assert.equal(events.length, 5000);
  assert.equal(events[0][0], CLICK);
});
