// One card: built node by node (no markup strings, so Trusted Types and a strict CSP are content).

import type { Action, Intervention } from "../types";
import { guard, place } from "./core";
import { lastPressed } from "./reactions";
import { STYLE } from "./style";

const make = (tag: string, properties: object, ...content: (string | Node)[]) => {
  const el = Object.assign(document.createElement(tag), properties);
  el.append(...content);
  return el;
};

/** A button, or a link if the action leads somewhere: nowhere that runs. */
const control = ({ label, url }: Action) => {
  const { href, origin } = new URL(url || "about:", location.href);
  if (!/^(https?|mailto|tel):/.test(href)) return make("button", {}, label);
  // Another site opens beside the page, so that nothing in it is lost.
  return make("a", { href, target: origin == location.origin ? "" : "_blank" }, label);
};

/** Shows a card until it is `done`, with an action or without; the result takes it away. */
export const showCard = ({ payload }: Intervention, done: (action?: Action) => void): () => void => {
  const before = document.activeElement as HTMLElement | null;
  const host = make("siq-intervention", {});
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const leave = () => {
    const held = root.activeElement;
    host.remove();
    // Whoever was in the card with the keyboard goes back to where they came from.
    if (held) before?.focus({ preventScroll: true });
  };

  const pressed = (el: HTMLElement, action?: Action) => {
    el.onclick = guard(() => {
      // A link's own navigation comes after its listeners, and needs it in the document.
      setTimeout(leave);
      done(action);
    });
    return el;
  };

  // Never over what the visitor is at: what has the focus, or was pressed and takes none.
  if ([before, lastPressed].some((el) => el && place(el, 0, el.getBoundingClientRect().y)[1] > innerHeight / 3)) {
    host.style.inset = "16px 16px auto auto";
  }
  // Announced politely, and never taking the focus from what the visitor is doing.
  root.append(
    make(
      "section",
      { role: "dialog", ariaLive: "polite", ariaLabel: payload.title },
      make("h2", {}, payload.title),
      make("p", {}, payload.body),
      make("div", {}, ...(payload.actions || []).map((action) => pressed(control(action), action))),
      pressed(make("button", { className: "x", ariaLabel: "Close" }, "×")),
    ),
  );
  // Whole: help without content leaves nothing behind.
  document.body.append(host);
  return leave;
};
