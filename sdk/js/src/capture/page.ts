// The page itself: views (loads, single-page routes, the back-forward cache), visibility, errors.

import { bareUrl, pagePath } from "../privacy";
import { Answer, Code, Nav } from "../wire";
import type { Context } from "./context";
import type { Reactions } from "./reactions";

const LOAD: Record<string, Nav> = { reload: Nav.Reload, back_forward: Nav.BackForward };

export function capturePage(ctx: Context, reactions: Reactions, setPage: (page: string) => void) {
  const { _emit: emit, _on: on, _wrap: wrap } = ctx;
  let page = "";

  function view(nav: Nav, referrer?: string | null) {
    page = pagePath();
    setPage(page);
    const height = document.documentElement.scrollHeight;
    emit(Code.PageView, [page, nav, referrer, innerWidth, innerHeight, height]);
  }

  function routed(nav: Nav) {
    if (pagePath() == page) return;
    reactions._react(Answer.Navigation);
    view(nav, page);
  }

  const load = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  view(LOAD[load?.type!] || Nav.Load, bareUrl(document.referrer) || null);

  for (const name of ["pushState", "replaceState"]) {
    wrap(history, name, () => () => routed(Nav.Spa));
  }
  // A link to a hash route and the back button look alike; the Navigation API can tell them apart.
  let traversing = false;
  on(
    "navigate",
    (e) => (traversing = e.navigationType == "traverse"),
    (window as any).navigation,
  );
  on("popstate hashchange", () => routed(traversing ? Nav.BackForward : Nav.Spa));
  on("pageshow", (e: PageTransitionEvent) => e.persisted && view(Nav.BackForward));

  on("visibilitychange", () => {
    emit(Code.Visibility, [+!document.hidden], document.hidden);
  });

  // Where it happened, never what it said: messages quote what people have typed.
  on("error", (e: ErrorEvent) => {
    if (!e.message) return;
    emit(Code.Error, [`script:${bareUrl(e.filename)}:${e.lineno}`], true);
  });
  on("unhandledrejection", () => emit(Code.Error, ["promise"], true));

  /** A new stream begins with where it is. */
  return () => view(Nav.Spa);
}
