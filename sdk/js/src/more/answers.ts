// The answers that are not DOM mutations: navigation, dialogs, requests, scrolling, focus, media.

import { Answer, Code } from "../wire";
import { bareUrl, emit, isField, now, on, wrap } from "./core";
import { escape, next } from "./queue";
import { latest, react, refresh } from "./reactions";

const BACKGROUND_MS = 10_000;
const BY_HAND_MS = 300;
const NETWORK_MS = 300;

export function captureAnswers() {
  const background = new Map<string, number>();
  // When the visitor last scrolled, tabbed or typed: what follows is their doing, not the page's answer.
  let byHand = 0;

  // The Navigation API tells at once; where it is missing the page's unloading does.
  on("navigate", () => react(Answer.Navigation), (window as any).navigation);
  // Another window, a file chooser, a print dialog: the page loses the focus.
  on("blur", (e) => e.target == window && react(Answer.Dialog));
  for (const name of ["open", "alert", "confirm", "prompt", "print"]) {
    wrap(window, name, () => void react(Answer.Dialog));
  }

  on("visibilitychange", next);
  on("keydown", escape);
  on("toggle", () => react(Answer.State));
  on("play pause seeking", () => react(Answer.Media));
  on("submit", () => react(Answer.Submit));
  on("input change", (e) => {
    react(Answer.State, (p) => p._el == e.target || p._controls.includes(e.target));
    // Filling in another field answers nothing.
    refresh();
  });

  on("wheel touchmove keydown", (e) => {
    if (e.key != "Enter" && e.key != " ") byHand = now();
  });
  on("scroll", () => {
    if (now() - byHand > BY_HAND_MS) react(Answer.Scroll);
  });

  on("focusin", (e) => {
    const el = e.composedPath()[0];
    const pressed = latest()?._el;
    // A press focuses what it hits or what contains it, which shows in a field; elsewhere, a script did.
    if (now() - byHand > BY_HAND_MS && (el == pressed ? isField(el) : !el.contains(pressed!))) {
      react(Answer.Focus, (p) => p._el == pressed);
    }
  });

  /** A request soon after a press answers it, unless the page makes this request on its own. */
  function request(name: string) {
    const t = now();
    if (!latest() || t - background.get(name)! < BACKGROUND_MS) {
      if (background.size > 50) background.clear();
      background.set(name, t);
    } else react(Answer.Network, (p) => t - p._t < NETWORK_MS);
  }

  /** Without a status, nobody has answered. */
  const ended = (name: string, status: number) => {
    if (!status || status >= 400) emit(Code.Error, ["request:" + name], true);
  };

  wrap(window, "fetch", ([input, init]) => {
    // Other scripts report clicks this way; that is no answer to the visitor.
    if (init?.keepalive || init?.mode == "no-cors") return;
    const name = bareUrl((input?.url || input) + "");
    request(name);
    // Handled on a branch of our own, so that the page's promise stays as it is.
    return (result: Promise<Response>) =>
      result.then(
        ({ status }) => ended(name, status || 1),
        (reason) => reason?.name == "AbortError" || ended(name, 0),
      );
  });

  const names = new WeakMap<XMLHttpRequest, string>();
  wrap(XMLHttpRequest.prototype, "open", ([, url], self) => {
    for (const type of names.has(self) ? [] : ["load", "error"]) {
      self.addEventListener(type, () => ended(names.get(self)!, self.status));
    }
    names.set(self, bareUrl(url + ""));
  });
  wrap(XMLHttpRequest.prototype, "send", (_, self) => request(names.get(self)!));
}
