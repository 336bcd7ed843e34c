// What the visitor and the page have asked us not to look at.

import type { Options } from "./types";

/** Global Privacy Control or Do Not Track. */
export const refuses = () => !!(navigator as any).globalPrivacyControl || navigator.doNotTrack == "1";

// A script is nothing to see, ours neither.
let unseen = "siq-intervention,script,[data-siq-ignore]";
let secret = '[data-siq-mask],input[type=password],[autocomplete^="cc-"],[autocomplete$="-code"]';

export function shield({ ignore, mask }: Options) {
  if (ignore) unseen += "," + ignore;
  if (mask) secret += "," + mask;
}

/** `closest`, out of shadow roots too; of text, nothing. */
const within = (node: any, selector: string): boolean =>
  !!node?.closest && (!!node.closest(selector) || within(node.getRootNode().host, selector));

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

/** The path of the page; hash routes keep theirs. */
export const pagePath = () =>
  bareUrl(location.pathname + location.hash.replace(/^#!?(?=\/)/, "%23")).replace("%23", "#");
