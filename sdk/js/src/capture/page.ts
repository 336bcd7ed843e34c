// The page itself: views (loads, single-page routes, the back-forward cache), visibility, errors.

import { pagePath, referrerPath } from "../privacy";
import { Answer, Code, Nav } from "../wire";
import type { Context } from "./context";
import type { Reactions } from "./reactions";

const LOAD: Record<string, Nav> = { reload: Nav.Reload, back_forward: Nav.BackForward };

export function capturePage(ctx: Context, reactions: Reactions, setPage: (page: string) => void) {
  const hooks = ctx._hooks;
  let page = "";

  function view(nav: Nav, referrer?: string | null) {
    page = pagePath(location);
    setPage(page);
    const height = document.documentElement.scrollHeight;
    ctx._emit(Code.PageView, [page, nav, referrer, innerWidth, innerHeight, height]);
  }

  function routed(nav: Nav) {
    if (pagePath(location) == page) return;
    reactions._react(Answer.Navigation);
    view(nav, page);
  }

  const load = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  view(LOAD[load?.type!] || Nav.Load, referrerPath());

  for (const name of ["pushState", "replaceState"]) {
    hooks._wrap(history, name, () => () => routed(Nav.Spa));
  }
  // A link to a hash route and the back button look alike; the Navigation API can tell them apart.
  let traversing = false;
  hooks._on(
    "navigate",
    (e) => (traversing = e.navigationType == "traverse"),
    (window as any).navigation,
  );
  hooks._on("popstate hashchange", () => routed(traversing ? Nav.BackForward : Nav.Spa));
  hooks._on("pageshow", (e: PageTransitionEvent) => e.persisted && view(Nav.BackForward));

  hooks._on("visibilitychange", () => {
    ctx._emit(Code.Visibility, [+!document.hidden], document.hidden);
  });

  // Where it happened, never what it said: messages quote what people have typed.
  hooks._on("error", (e: ErrorEvent) => {
    if (!e.message) return;
    const file = (e.filename || "").split(/[?#]/)[0].replace(location.origin, "");
    ctx._emit(Code.Error, [`script:${file}:${e.lineno || 0}`], true);
  });
  hooks._on("unhandledrejection", () => ctx._emit(Code.Error, ["promise"], true));

  /** A new stream begins with where it is. */
  return () => view(Nav.Spa);
}
