import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import { load } from "./load.mjs";

const { addEvent, addMessage, after, ack, batch, clear, frame } = await load("outbox");
const MOVE = 2;
const CLICK = 3;
const TRACK = 21;
const BUY = ["button#buy", 2];
const frames = (sent = 0) => after(sent).map((message) => JSON.parse(frame(message)));

beforeEach(clear);

test("events between messages share a frame, and numbers are dense from 1", () => {
  addEvent(1000, MOVE, [1, 2], "mouse", "/");
  addEvent(1010, CLICK, [1, 2, BUY, 0, 1, null], "mouse", "/");
  addMessage("identify", { t: 1020, user_id: "u" });
  addEvent(1030, MOVE, [3, 4], "mouse", "/");
  const sent = frames();
  assert.deepEqual(sent.map((f) => [f.type, f.seq]), [["events", 1], ["identify", 2], ["events", 3]]);
  assert.deepEqual(sent[0].events, [[MOVE, 0, 1, 2], [CLICK, 10, 1, 2, 1, 0, 1, null]]);
  assert.deepEqual(sent[0].targets, [[1, "button#buy", 2]]);
  assert.deepEqual(sent[1], { type: "identify", seq: 2, t: 1020, user_id: "u" });
});

test("a frame that was sent takes no more events", () => {
  addEvent(1, MOVE, [1, 1], "mouse", "/");
  assert.equal(frames().length, 1);
  addEvent(2, MOVE, [2, 2], "mouse", "/");
  assert.deepEqual(frames(1).map((f) => [f.seq, f.t0]), [[2, 2]]);
});

test("a frame can be read by itself: it says its page and defines its targets, each once", () => {
  for (const t of [1, 2]) addEvent(t, CLICK, [0, 0, BUY], "mouse", "/cart");
  after(0);
  addEvent(3, CLICK, [0, 0, ["a#b", 1]], "mouse", "/cart");
  addEvent(4, CLICK, [0, 0, BUY], "mouse", "/cart");
  const [first, second] = frames();
  assert.deepEqual(first.targets, [[1, ...BUY]]);
  assert.deepEqual(second.targets, [[1, "a#b", 1], [2, ...BUY]]);
  assert.deepEqual(second.events.map((e) => e[4]), [1, 2]);
  assert.equal(second.page, "/cart");
});

test("an ack is cumulative; what follows it is sent again, unchanged", () => {
  for (const t of [1, 2, 3]) {
    addEvent(t, MOVE, [t, t], "mouse", "/");
    after(0);
  }
  const third = frames(2);
  ack(2);
  assert.deepEqual(frames(), third);
});

test("a frame holds at most 500 events of one pointer type", () => {
  const now = 1_700_000_000_000;
  for (let t = 0; t < 2000; t++) addEvent(now + t, 15, [], "mouse", "/");
  addEvent(now + 2000, CLICK, [0, 0, BUY], "touch", "/");
  const sent = frames();
  assert.ok(sent.every((f) => f.events.length <= 500));
  assert.equal(sent.flatMap((f) => f.events).length, 2001);
  assert.deepEqual(sent.at(-1).ptr, "touch");
});

test("frames stay below 64 KiB, whatever a page tracks", () => {
  for (let t = 0; t < 400; t++) addEvent(t, TRACK, ["n", { text: "é€".repeat(400) }], "mouse", "/");
  for (const message of after(0)) assert.ok(Buffer.byteLength(frame(message)) < 65536);
});

test("values stay within the wire's limits", () => {
  addEvent(1, TRACK, ["n".repeat(600), { text: "x".repeat(3000) }], "mouse", "/");
  addEvent(2, MOVE, [1.6, NaN], "mouse", "/");
  const [{ events }] = frames();
  assert.deepEqual(events, [[TRACK, 0, "n".repeat(512), null], [MOVE, 1, 2, 0]]);
});

test("being offline for long costs motion, never presses, and is bounded", () => {
  for (let t = 1; t < 100_000; t++) {
    if (t % 1000 == 0) addEvent(t, CLICK, [t, t, BUY], "mouse", "/");
    else addEvent(t, MOVE, [t, t], "mouse", "/");
  }
  const sent = frames();
  const events = sent.flatMap((f) => f.events);
  assert.equal(events.filter((e) => e[0] == CLICK).length, 99);
  assert.ok(events.length < 20_000);
  assert.deepEqual(sent.map((f) => f.seq), sent.map((_, n) => n + 1));
});

test("a body that must be small loses motion first, then what is newest", () => {
  for (let t = 1; t < 3000; t++) addEvent(t, MOVE, [t, t], "mouse", "/");
  addEvent(3000, CLICK, [1, 1, BUY], "mouse", "/");
  const { hello, messages } = JSON.parse(batch({ key: "k" }, 2_000));
  assert.deepEqual(hello, { key: "k" });
  assert.deepEqual(messages.at(-1).events.at(-1).slice(0, 1), [CLICK]);
  for (let n = 0; n < 100; n++) addMessage("outcome", { t: n });
  const sent = JSON.parse(batch({}, 3_000)).messages.map((message) => JSON.stringify(message).length);
  assert.ok(sent.reduce((sum, length) => sum + length) <= 3_000);
  assert.ok(sent.length > 50);
  clear();
  assert.ok(!batch({}, 3_000));
});
