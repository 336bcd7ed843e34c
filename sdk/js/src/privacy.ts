// What the visitor and the page have asked us not to look at.

import { stored } from "./session";

const WIDGET = "siq-intervention";
const OPT_OUT = "siq:optout";

/** Global Privacy Control or Do Not Track. */
export const refuses = () => {
  const { globalPrivacyControl, doNotTrack } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return globalPrivacyControl === true || doNotTrack == "1";
};

export const optedOut = (value?: boolean) =>
  value === undefined ? stored(OPT_OUT) == "1" : stored(OPT_OUT, value ? "1" : null) == "1";

export const isWidget = (node: Node | null) => !!node && (node as Element).localName == WIDGET;

export interface Shield {
  /** Nothing that happens here is observed; our own card included. */
  _ignored: (el: Element) => boolean;
  /** Its name is not sent, nor how much is typed into it. */
  _masked: (el: Element) => boolean;
}

const SECRET = 'input[type=password],[autocomplete^="cc-"],[autocomplete$="-code"]';

/** `closest`, out of shadow roots too. */
const within = (el: Element, selector: string): boolean =>
  !!el && (!!el.closest(selector) || within((el.getRootNode() as ShadowRoot).host, selector));

export function createShield(ignore?: string, mask?: string): Shield {
  const ignored = WIDGET + ",[data-siq-ignore]" + (ignore ? "," + ignore : "");
  const masked = "[data-siq-mask]," + SECRET + (mask ? "," + mask : "");
  return {
    _ignored: (el) => within(el, ignored),
    _masked: (el) => within(el, masked),
  };
}

/** A path without query and fragment; hash routes keep theirs. Segments that look like a person go. */
export function pagePath(location: { pathname: string; hash: string }): string {
  const route = /^#!?\/[^?]*/.exec(location.hash);
  return (location.pathname + (route ? route[0] : "")).replace(/[^/]*(@|%40)[^/]*/g, "*");
}

/** The same site by path, any other by origin alone. */
export function referrerPath(): string | null {
  if (!document.referrer) return null;
  const url = new URL(document.referrer);
  return url.origin == location.origin ? pagePath(url) : url.origin;
}
