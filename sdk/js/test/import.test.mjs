import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

test("importing on a server does nothing, and neither do the calls", async () => {
  const before = Object.keys(globalThis);
  const api = await load("index");
  api.init("pk_live_test", { endpoint: "ws://edge.test" });
  api.identify({ userId: "u" });
  api.track("t");
  api.on("ready", () => {})();
  assert.deepEqual(Object.keys(globalThis), before);
});
