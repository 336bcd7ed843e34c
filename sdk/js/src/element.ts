// Which element an event is about, and what may be said about it: never its text.

import { masked } from "./privacy";
import { FLAGS, type Target } from "./wire";

const role = (el: Element) => attr(el, "role");

/** An element's kind in one line, `<input number spinbutton>`; the patterns below read it. */
const kind = (el: any) =>
  // Every button is a submit button by default, but only in a form does it submit.
  `<${el.localName} ${(el.type != "submit" || el.form) && (el.type || el.protocol || "")} ${role(el)}>`;

const FIELD = /^<(textarea|input (text|search|email|url|tel|password|number) )|(text|search)box>/;
const ROLE = /button|link|tab$|item|box$|radio|switch|option|slider/;

// Names that a build or a framework has made up: they change with every release or render.
const GENERATED = /\d{4}|[^\w-]|(?=[a-f]*\d)[a-f\d]{6}|[a-z]\d[A-Z]|[A-Z]\d|^ember|.{41}/;

const MAX_DEPTH = 4;

const attr = (el: Element, name: string) => el.getAttribute(name) || "";

export const isField = (el: Element) => FIELD.test(kind(el)) || (el as HTMLElement).isContentEditable;

const isControl = (el: Element) =>
  (el as HTMLElement).tabIndex >= 0 || el.matches("label,option,[onclick],[data-siq]") || ROLE.test(role(el));

const looksPressable = (el: Element) => getComputedStyle(el).cursor == "pointer";

/** The elements an event went through, innermost first, through open shadow roots. */
export const pathOf = (event: Event) =>
  event.composedPath().filter((n): n is Element => (n as Node).nodeType == 1);

/** The closest element that can be acted on, a label's control, or else what was hit. */
export function actionable(path: Element[]): Element | undefined {
  const found = path.find(isControl);
  if (found) return (found as HTMLLabelElement).control || found;
  // `cursor: pointer` is inherited, so the outermost of the run is the one that was made clickable.
  return path[Math.max(0, path.findIndex((el) => !looksPressable(el)) - 1)];
}

export const canAct = (el: Element) => isControl(el) || looksPressable(el);

const parentOf = (el: Element): Element | null => el.parentElement || (el.getRootNode() as ShadowRoot).host;

const stable = (name: string) => name && !GENERATED.test(name);

/** What identifies an element by itself; with an id that is enough. */
function own(el: Element): string {
  const id = attr(el, "data-siq") || el.id;
  if (stable(id)) return el.localName + "#" + id;
  const name = ["data-testid", "name", "role"].find((other) => stable(attr(el, other)));
  const styled = [...el.classList].find(stable);
  return el.localName + (name ? `[${name}=${attr(el, name)}]` : styled ? "." + styled : "");
}

export function describe(el: Element, depth = 1): string {
  const name = own(el);
  if (name.includes("#")) return name;
  const twins = [...(el.parentNode?.children || [])].filter((other) => own(other) == name);
  const parent = depth < MAX_DEPTH && parentOf(el);
  return (parent ? describe(parent, depth + 1) + " " : "") + name + (twins[1] ? ":" + (twins.indexOf(el) + 1) : "");
}

// One pattern per flag, in the order of their bits: a selector, or what an element's kind and the words
// it goes by look like.
const PATTERNS = [
  /^<a | link>/,
  /^<(button|summary|input (button|submit|reset|image)) | button>/,
  FIELD,
  /^<input (number|range)|(spinbutton|slider)>|qty|quantity|stepper|crement|crease|\b(plus|minus|zoom|undo|redo)\b/,
  /pagina|pager|\b(next|prev)/,
  /carousel|swiper|slide|chevron/,
  /^<(video|audio)|\b(play|pause|mute|volume)/,
  /^<canvas/,
  /\bmap|leaflet/,
  /\bgame/,
  /\b(close|dismiss)/,
  ":disabled,[aria-disabled=true]",
  /\b(price|amount)/,
  /submit >|primary|\b(cta|buy|add-to|subscribe|sign-?up)/,
  "nav *,[role=navigation] *",
  "form *",
  /checkout|basket|\b(pay|order)/,
  /^<input (date|month|week|time)|date-?picker|calendar/,
  / tab>/,
  / menu\w*>/,
  // The answer is the browser's own, or drawn where no script can see it.
  /^<(canvas|video|audio|embed|object|iframe|select|input (file|color|date|month|week|time)|a (mailto|tel|sms):)/,
];

// Stepper, paginator, carousel, date picker: their buttons are named by what is around them.
/** Silence of the page proves nothing. */
export const UNOBSERVED = 1 << 20;

const GROUPED = (1 << 3) | (1 << 4) | (1 << 5) | (1 << 17);

const words = (el: Element | null) =>
  el ? ["id", "class", "name", "data-siq"].map((name) => attr(el, name)).join(" ").toLowerCase() : "";

function flagsOf(el: Element): number {
  const declared = attr(el.closest("[data-siq-flags]") || el, "data-siq-flags").split(" ");
  // A label for people may tell what an element does; it is read here and never sent.
  const label = (attr(el, "aria-label") + " " + attr(el, "title")).toLowerCase();
  const popup = el.hasAttribute("aria-haspopup") ? "menu>" : "";
  const mine = `${kind(el)} ${popup} ${words(el)} ${label}`;
  return FLAGS.reduce((bits, flag, bit) => {
    const pattern = PATTERNS[bit];
    const set =
      declared.includes(flag) ||
      (typeof pattern == "string"
        ? el.matches(pattern)
        : pattern.test(mine) || (GROUPED & (1 << bit) && pattern.test(words(el.parentElement))));
    return set ? bits | (1 << bit) : bits;
  }, 0);
}

export const targetOf = (el: Element): Target => [
  masked(el) ? el.localName + "[masked]" : describe(el),
  flagsOf(el),
];
