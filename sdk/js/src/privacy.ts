// What the visitor and the page have asked us not to look at.

import type { Options } from "./types";
import { MAX_STRING } from "./wire";

/** Global Privacy Control or Do Not Track. */
export const refuses = () => !!(navigator as any).globalPrivacyControl || navigator.doNotTrack == "1";

// A script is nothing to see, ours neither.
let unseen = "siq-intervention,script,[data-siq-ignore]";
let secret = '[data-siq-mask],input[type=password],[autocomplete^="cc-"],[autocomplete$="-code"]';
let allowed: string[] = [];

export const shield = ({ ignore, mask, query }: Options) => {
  if (ignore) unseen += "," + ignore;
  if (mask) secret += "," + mask;
  // On the script tag it is one name.
  allowed = [query || []].flat();
};

/** What shows an element's tree: the host of its shadow root, or the frame of its document if we may know. */
export const outside = (el: Element): Element | null | undefined => {
  const root = el.getRootNode() as any;
  return root.host || root.defaultView?.frameElement;
};

/** `closest`, out of shadow roots and frames too; of text, nothing. */
const within = (node: any, selector: string): unknown =>
  node?.closest && (node.closest(selector) || within(outside(node), selector));

/** Nothing that happens here is observed; our own card included. */
export const ignored = (node: unknown) => within(node, unseen);

/** Its name is not sent, nor how much is typed into it. */
export const masked = (el: Element) => within(el, secret);

/** An address without query and fragment. Segments that look like a person go. */
export const bareUrl = (url: string) =>
  url
    .replace(location.origin, "")
    .split(/[?#]/)[0]
    .replace(/[^/]*(@|%40)[^/]*/g, "*");

/** The path of the page, with what is allowed of its query; hash routes keep theirs. */
export const pagePath = () => {
  const query = [...new URLSearchParams(location.search)].filter(
    ([name, value]) => allowed.includes(name) && !value.includes("@"),
  );
  const [, route] = location.hash.split(/^#!?(?=\/)/);
  return (
    bareUrl(location.pathname) +
    (query[0] ? "?" + new URLSearchParams(query) : "") +
    (route ? "#" + bareUrl(route) : "")
  ).slice(0, MAX_STRING);
};
