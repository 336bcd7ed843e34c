// Which element an event is about, and what may be said about it: never its text.

import { masked, outside } from "./privacy";
import { FLAGS, type Target } from "./wire";


/** An element's kind in one line, `<input number spinbutton>`; the patterns below read it. */
const kind = (el: any) =>
  // Every button is a submit button by default, but only in a form does it submit.
  `<${el.localName} ${(el.type != "submit" || el.form) && (el.type || el.protocol || "")} ${attr(el, "role")}>`;

const FIELD = /^<(textarea|input (text|search|email|url|tel|password|number) )|(text|search)box>/;
const ROLE = /button|link|tab$|item|box$|radio|switch|option|slider/;

// Names that a build or a framework has made up: they change with every release or render.
const GENERATED = /\d{4}|[^\w-]|(?=[a-f]*\d)[a-f\d]{6}|[a-z]\d[A-Z]|[A-Z]\d|^ember|.{41}/;

const MAX_DEPTH = 4;

const attr = (el: Element, name: string) => el.getAttribute(name) || "";

export const isField = (el: Element) => FIELD.test(kind(el)) || (el as HTMLElement).isContentEditable;

const isControl = (el: Element) =>
  (el as HTMLElement).tabIndex >= 0 || el.matches("label,option,[onclick],[data-siq]") || ROLE.test(attr(el, "role"));

const looksPressable = (el: Element) => getComputedStyle(el).cursor == "pointer";

/** The elements an event went through, innermost first, through open shadow roots. */
export const pathOf = (event: Event) =>
  event.composedPath().filter((node): node is Element => !!(node as Element).localName);

/** A point in an element's window as one in ours. */
export const place = (el: Element, x: number, y: number): [x: number, y: number] => {
  const view = el.ownerDocument.defaultView;
  const frame = view != window && view?.frameElement;
  if (!frame) return [x, y];
  const box = frame.getBoundingClientRect();
  return place(frame, x + box.x + frame.clientLeft, y + box.y + frame.clientTop);
};

/** The closest element that can be acted on, a label's control, or else what was hit. */
export const actionable = (path: Element[]): Element | undefined => {
  const found = path.find(isControl);
  if (found) return (found as HTMLLabelElement).control || found;
  // `cursor: pointer` is inherited, so the outermost of the run is the one that was made clickable.
  return path[path.findIndex((el) => !looksPressable(el)) - 1] || path[0];
};

export const canAct = (el: Element) => isControl(el) || looksPressable(el);


const stable = (name: string) => name && !GENERATED.test(name);

/** What identifies an element by itself; with an id that is enough. */
const own = (el: Element): string => {
  const id = attr(el, "data-siq") || el.id;
  if (stable(id)) return el.localName + "#" + id;
  const name = ["data-testid", "name", "role"].find((other) => stable(attr(el, other)));
  const styled = [...el.classList].find(stable);
  return el.localName + (name ? `[${name}=${attr(el, name)}]` : styled ? "." + styled : "");
};

export const describe = (el: Element, depth = 1): string => {
  const name = own(el);
  if (name.includes("#")) return name;
  const twins = [...(el.parentNode?.children || [])].filter((other) => own(other) == name);
  const parent = depth < MAX_DEPTH && (el.parentElement || outside(el));
  return (parent ? describe(parent, depth + 1) + " " : "") + name + (twins[1] ? ":" + (twins.indexOf(el) + 1) : "");
};

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

/** Silence of the page proves nothing. */
export const UNOBSERVED = 1 << 20;

// Stepper, paginator, carousel, date picker: their buttons are named by what is around them.
const GROUPED = (1 << 3) | (1 << 4) | (1 << 5) | (1 << 17);

/** The words it goes by. A label for people may tell what it does as well; it is read here and never sent. */
const words = (el: Element | null) =>
  el
    ? ["id", "class", "name", "data-siq", "aria-label", "title"].map((name) => attr(el, name)).join(" ").toLowerCase()
    : "";

const flagsOf = (el: Element): number => {
  const declared = attr(el.closest("[data-siq-flags]") || el, "data-siq-flags").split(" ");
  const mine = `${kind(el)} ${attr(el, "aria-haspopup") && "menu>"} ${words(el)}`;
  return FLAGS.reduce((bits, flag, bit) => {
    const pattern = PATTERNS[bit];
    const set: any =
      declared.includes(flag) ||
      (typeof pattern == "string"
        ? el.matches(pattern)
        : pattern.test(mine) || (GROUPED & (1 << bit) && pattern.test(words(el.parentElement))));
    return bits | (set << bit);
  }, 0);
};

/** What is said of an element, with `more` flags than it shows. */
export const targetOf = (el: Element, more?: number): Target => [
  masked(el) ? el.localName + "[masked]" : describe(el),
  flagsOf(el) | more!,
];
