// What the visitor and the page have asked us not to look at.

import { stored } from "./session";

const WIDGET = "siq-intervention";
const OPT_OUT = "siq:optout";

/** Global Privacy Control or Do Not Track. */
export const refuses = () => {
  const { globalPrivacyControl: gpc, doNotTrack } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return !!gpc || doNotTrack == "1";
};

/** Whether the visitor has opted out; with an argument, says so. */
export const optedOut = (value?: boolean) => stored(OPT_OUT, value == null ? value : value ? "1" : null);

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

/** An address without query and fragment. Segments that look like a person go. */
export const bareUrl = (url: string) =>
  url
    .replace(location.origin, "")
    .split(/[?#]/)[0]
    .replace(/[^/]*(@|%40)[^/]*/g, "*");

/** The path of the page; hash routes keep theirs. */
export const pagePath = () => bareUrl(location.pathname + location.hash.replace(/^#!?(?=\/)/, "%23")).replace("%23", "#");
