// The answers that are not DOM mutations: navigation, dialogs, requests, scrolling, focus, media.

import { Answer, Code } from "../wire";
import { bareUrl, emit, isField, now, on, wrap } from "./core";
import { escape, next } from "./queue";
import { latest, react, refresh } from "./reactions";

const BACKGROUND_MS = 10_000;
const BY_HAND_MS = 300;
const NETWORK_MS = 300;

export const captureAnswers = () => {
  const background = new Map<string, number>();
  // When the visitor last scrolled, tabbed or typed: what follows is their doing, not the page's answer.
  let byHand = 0;

  // The Navigation API tells at once; where it is missing the page's unloading does.
  on("navigate", () => react(Answer.Navigation), (view) => view.navigation);
  // Another window, a file chooser, a print dialog: the page loses the focus, and not to one of its frames.
  on("blur", () => document.hasFocus() || react(Answer.Dialog));
  wrap("open alert confirm prompt print", () => void react(Answer.Dialog));

  on("visibilitychange readystatechange", next);
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
  const request = (name: string) => {
    const t = now();
    if (!latest() || t - background.get(name)! < BACKGROUND_MS) {
      if (background.size > 50) background.clear();
      background.set(name, t);
    } else react(Answer.Network, (p) => t - p._t < NETWORK_MS);
  };

  /** Without a status, nobody has answered. */
  const ended = (name: string, status: number) => {
    if (!status || status >= 400) emit(Code.Error, ["request:" + name], true);
  };

  wrap("fetch", ([input, init]) => {
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

  // A request carries its name with it.
  const requests = (view: any) => view.XMLHttpRequest.prototype;
  wrap(
    "open",
    ([, url], self) => {
      for (const type of self.siq ? [] : ["load", "error"]) {
        self.addEventListener(type, () => ended(self.siq, self.status));
      }
      self.siq = bareUrl(url + "");
    },
    requests,
  );
  wrap("send", (_, self) => request(self.siq), requests);
};
