// One card: built node by node (no markup strings, so Trusted Types and a strict CSP are content).

import { guard } from "../hooks";
import type { Action, Intervention } from "../types";
import { SIGNS, STYLE } from "./style";

export interface CardHandlers {
  _clicked(action: Action): void;
  _dismissed(): void;
}

function make(tag: string, attributes: Record<string, string>, ...content: (string | Node)[]) {
  const el = document.createElement(tag);
  for (const name in attributes) el.setAttribute(name, attributes[name]);
  el.append(...content);
  return el;
}

/** A button, or a link if the action leads somewhere: nowhere that runs. */
function control({ label, url }: Action) {
  const { href, origin, protocol } = new URL(url || "about:", location.href);
  if (!/^(https?|mailto|tel):/.test(protocol)) return make("button", {}, label);
  // Another site opens beside the page, so that nothing in it is lost.
  return make("a", origin == location.origin ? { href } : { href, target: "_blank", rel: "noopener" }, label);
}

/** Shows a card; the result takes it away. */
export function showCard({ intervention, payload }: Intervention, on: CardHandlers): () => void {
  const before = document.activeElement as HTMLElement | null;
  const host = document.createElement("siq-intervention");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  function leave() {
    document.removeEventListener("keydown", escape, true);
    const held = root.activeElement;
    host.remove();
    // Whoever was in the card with the keyboard goes back to where they came from.
    if (held) before?.focus({ preventScroll: true });
  }
  function pressed(el: Element, then: () => void) {
    el.addEventListener("click", guard(() => {
      // A link's own navigation comes after its listeners, and needs it in the document.
      setTimeout(leave);
      then();
    }));
    return el;
  }
  const escape = guard((e: KeyboardEvent) => {
    if (e.key != "Escape") return;
    leave();
    on._dismissed();
  });

  const controls = (payload.actions || []).map((a) => pressed(control(a), () => on._clicked(a)));
  // Announced politely, and never taking the focus from what the visitor is doing.
  const card = make("section", { role: "dialog", "aria-live": "polite", "aria-labelledby": "t", "aria-describedby": "b" },
    make("i", { "aria-hidden": "true" }, SIGNS[intervention] || "···"),
    make("div", {},
      make("h2", { id: "t" }, payload.title),
      make("p", { id: "b" }, payload.body),
      make("nav", { role: "group" }, ...controls),
    ),
    pressed(make("button", { class: "x", "aria-label": "Close" }, "×"), on._dismissed),
  );
  document.addEventListener("keydown", escape, true);
  document.body.append(host);
  root.append(card);
  return leave;
}
