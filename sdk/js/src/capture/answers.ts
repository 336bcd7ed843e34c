// The answers that are not DOM mutations: navigation, dialogs, requests, scrolling, focus, media.

import { isField, pathOf } from "../element";
import { bareUrl } from "../privacy";
import { Answer, Code } from "../wire";
import type { Context } from "./context";
import type { Reactions } from "./reactions";

const BACKGROUND_MS = 10_000;
const BY_HAND_MS = 300;
const NETWORK_MS = 300;

export function captureAnswers(ctx: Context, reactions: Reactions) {
  const { _emit: emit, _on: on, _wrap: wrap, _now: now } = ctx;
  const react = reactions._react;
  const background = new Map<string, number>();
  // When the visitor last scrolled, tabbed or typed: what follows is their doing, not the page's answer.
  let byHand = 0;

  // The Navigation API tells at once; where it is missing the page's unloading does.
  const navigates = () => react(Answer.Navigation);
  on("navigate", navigates, (window as any).navigation);
  on("pagehide", navigates);
  // Another window, a file chooser, a print dialog: the page loses the focus.
  on("blur", (e) => e.target == window && react(Answer.Dialog));
  for (const name of ["open", "alert", "confirm", "prompt", "print"]) {
    wrap(window, name, () => void react(Answer.Dialog));
  }

  on("toggle", () => react(Answer.State));
  on("play pause seeking", () => react(Answer.Media));
  on("submit", () => react(Answer.Submit));
  on("input change", (e) => {
    react(Answer.State, (p) => p._el == e.target || p._controls.includes(e.target));
    // Filling in another field answers nothing.
    reactions._refresh();
  });

  on("wheel touchmove keydown", (e) => {
    if (e.key != "Enter" && e.key != " ") byHand = now();
  });
  on("scroll", () => {
    if (now() - byHand > BY_HAND_MS) react(Answer.Scroll);
  });

  on("selectionchange", () => {
    if (getSelection()?.isCollapsed === false) react(Answer.Selection);
  });

  on("focusin", (e) => {
    const el = pathOf(e)[0];
    const latest = reactions._latest()?._el;
    // A press focuses what it hits or what contains it, which shows in a field; elsewhere, a script did.
    if (now() - byHand > BY_HAND_MS && (el == latest ? isField(el) : !el.contains(latest!))) {
      react(Answer.Focus, (p) => p._el == latest);
    }
  });

  /** A request soon after a press answers it, unless the page makes this request on its own. */
  function request(url: unknown) {
    const name = bareUrl(String((url as Request)?.url || url));
    const t = now();
    if (!reactions._hasOpen() || t - background.get(name)! < BACKGROUND_MS) {
      if (background.size > 50) background.clear();
      background.set(name, t);
    } else react(Answer.Network, (p) => t - p._t < NETWORK_MS);
    return name;
  }

  const failed = (source: string) => emit(Code.Error, ["request:" + source], true);

  wrap(window, "fetch", ([input, init]) => {
    // Other scripts report clicks this way; that is no answer to the visitor.
    if (init?.keepalive || init?.mode == "no-cors") return;
    const source = request(input);
    // Handled on a branch of our own, so that the page's promise stays as it is.
    return (result: Promise<Response>) => {
      result.then(
        (response) => response.status >= 400 && failed(source),
        (reason) => reason?.name != "AbortError" && failed(source),
      );
    };
  });

  const sources = new WeakMap<XMLHttpRequest, unknown>();
  wrap(XMLHttpRequest.prototype, "open", ([, url], self) => {
    sources.set(self, url);
  });
  wrap(XMLHttpRequest.prototype, "send", (_, self) => {
    const source = request(sources.get(self));
    self.addEventListener("load", () => self.status >= 400 && failed(source), { once: true });
    self.addEventListener("error", () => failed(source), { once: true });
  });
}
