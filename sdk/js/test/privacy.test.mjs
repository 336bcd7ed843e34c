import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

globalThis.location = { origin: "https://shop.test", pathname: "/", search: "", hash: "" };
const { bareUrl, pagePath, shield } = await load("privacy");

test("an address loses query, fragment and what looks like a person", () => {
  assert.equal(bareUrl("https://shop.test/a/b?token=1#c"), "/a/b");
  assert.equal(bareUrl("https://other.test/a?b"), "https://other.test/a");
  assert.equal(bareUrl("/users/dana@acme.test/orders"), "/users/*/orders");
  assert.equal(bareUrl("/users/dana%40acme.test"), "/users/*");
});

test("of a page's query only what is allowed is sent, and no address of a person", () => {
  const page = (search, hash = "") => {
    Object.assign(location, { pathname: "/find", search, hash });
    return pagePath();
  };
  assert.equal(page("?q=shoes&token=1"), "/find");
  shield({ query: ["q", "variant"] });
  assert.equal(page("?q=red+shoes&token=1&variant=b", "#top"), "/find?q=red+shoes&variant=b");
  assert.equal(page("?variant=b&qq=1&=2"), "/find?variant=b");
  assert.equal(page("?q=dana%40acme.test"), "/find");
  assert.equal(page("?token=1"), "/find");
  assert.equal(page("?q=1&token=2", "#!/cart?coupon=1"), "/find?q=1#/cart");
  assert.equal(page(`?q=${"x".repeat(600)}`).length, 512);
  assert.equal(bareUrl("/find?q=1"), "/find");
  // What is said on the script tag is a text.
  shield({ query: "variant" });
  assert.equal(page("?q=1&a=2&variant=b"), "/find?variant=b");
  shield({});
  assert.equal(page("?q=1&variant=b"), "/find");
});

test("a hash route is part of the page, an anchor is not", () => {
  const page = (pathname, hash) => {
    Object.assign(location, { pathname, search: "", hash });
    return pagePath();
  };
  assert.equal(page("/", "#/cart?coupon=1"), "/#/cart");
  assert.equal(page("/docs", "#!/intro"), "/docs#/intro");
  assert.equal(page("/docs", "#section"), "/docs");
});
