import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

test("the declarations that are published name only each other", () => {
  const dist = new URL("../dist/", import.meta.url);
  const files = readdirSync(dist).filter((name) => name.endsWith(".d.ts"));
  for (const file of files) {
    for (const [, name] of readFileSync(new URL(file, dist), "utf8").matchAll(/from "\.\/(.+?)"/g)) {
      assert.ok(files.includes(`${name}.d.ts`), `${file} names ${name}`);
    }
  }
});
