import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

globalThis.location = { origin: "https://shop.test", pathname: "/", hash: "" };
const { bareUrl, pagePath } = await load("privacy");

test("an address loses query, fragment and what looks like a person", () => {
  assert.equal(bareUrl("https://shop.test/a/b?token=1#c"), "/a/b");
  assert.equal(bareUrl("https://other.test/a?b"), "https://other.test/a");
  assert.equal(bareUrl("/users/dana@acme.test/orders"), "/users/*/orders");
  assert.equal(bareUrl("/users/dana%40acme.test"), "/users/*");
});

test("a hash route is part of the page, an anchor is not", () => {
  const page = (pathname, hash) => {
    Object.assign(location, { pathname, hash });
    return pagePath();
  };
  assert.equal(page("/", "#/cart?coupon=1"), "/#/cart");
  assert.equal(page("/docs", "#!/intro"), "/docs#/intro");
  assert.equal(page("/docs", "#section"), "/docs");
});
