// The answers that are not DOM mutations: navigation, dialogs, requests, scrolling, focus, media.

import { isField, pathOf } from "../element";
import { pagePath } from "../privacy";
import { Answer, Code } from "../wire";
import type { Context } from "./context";
import type { Reactions } from "./reactions";

const BACKGROUND_MS = 10_000;
const WHEEL_MS = 300;
const NETWORK_MS = 300;

export function captureAnswers(ctx: Context, reactions: Reactions) {
  const { _hooks: hooks, _clock: clock } = ctx;
  const react = reactions._react;
  const background = new Map<string, number>();
  let wheelAt = 0;

  // The Navigation API tells at once; where it is missing the page's unloading does.
  const navigates = () => react(Answer.Navigation);
  hooks._on("navigate", navigates, (window as any).navigation);
  hooks._on("pagehide", navigates);
  // Another window, a file chooser, a print dialog: the page loses the focus.
  hooks._on("blur", (e) => e.target == window && react(Answer.Dialog));
  for (const name of ["open", "alert", "confirm", "prompt", "print"]) {
    hooks._wrap(window, name, () => react(Answer.Dialog));
  }

  hooks._on("toggle", (e) => react(e.target.matches("details") ? Answer.State : Answer.Dialog));
  hooks._on("play pause seeking volumechange", () => react(Answer.Media));
  hooks._on("submit", () => react(Answer.Submit));
  hooks._on("input change", (e) =>
    react(Answer.State, (p) => p._near.contains(e.target) || p._controls.includes(e.target)),
  );

  hooks._on("wheel touchmove", () => (wheelAt = clock._now()));
  hooks._on("scroll", () => clock._now() - wheelAt > WHEEL_MS && react(Answer.Scroll));

  hooks._on("selectionchange", () => {
    if (getSelection()?.isCollapsed === false) react(Answer.Selection);
  });

  hooks._on("focusin", (e) => {
    const el = pathOf(e)[0];
    // A press focuses what it hits or what contains it: only a field shows it, or a script moved it.
    react(Answer.Focus, (p) => isField(el) || (p._index && !el.contains(p._el)));
  });

  /** A request soon after a press answers it, unless the page makes this request on its own. */
  function request(url: unknown) {
    const { origin, pathname, hash } = new URL(String((url as Request)?.url || url), location.href);
    const name = origin + pagePath({ pathname, hash });
    const now = clock._now();
    const seen = background.get(name);
    const own = seen && now - seen < BACKGROUND_MS;
    if (!reactions._hasOpen() || own) {
      background.set(name, now);
      if (background.size > 50) background.delete(background.keys().next().value!);
    } else react(Answer.Network, (p) => now - p._t < NETWORK_MS);
    return name.replace(location.origin, "");
  }

  const failed = (source: string) => ctx._emit(Code.Error, ["request:" + source], true);

  hooks._wrap(window, "fetch", ([input, init]) => {
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
  hooks._wrap(XMLHttpRequest.prototype, "open", ([, url], self) => {
    sources.set(self, url);
  });
  hooks._wrap(XMLHttpRequest.prototype, "send", (_, self) => {
    const source = request(sources.get(self));
    self.addEventListener("load", () => self.status >= 400 && failed(source), { once: true });
    self.addEventListener("error", () => failed(source), { once: true });
  });
}
