// The page itself: views (loads, single-page routes), errors.

import { on, wrap } from "../hooks";
import { bareUrl, pagePath } from "../privacy";
import { emit, page, setPage } from "../record";
import { Answer, Code, Nav } from "../wire";
import { forgetPresses } from "./press";
import { more } from "../more";

const LOAD: Record<string, Nav> = { reload: Nav.Reload, back_forward: Nav.BackForward };

export function view(nav: Nav, referrer?: string | null) {
  const height = document.documentElement.scrollHeight;
  emit(Code.PageView, [setPage(), nav, referrer, innerWidth, innerHeight, height]);
}

function routed(nav: Nav) {
  if (pagePath() == page) return;
  more?._react(Answer.Navigation);
  view(nav, page);
}

export function capturePage() {
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
  // Where it happened, never what it said: messages quote what people have typed.
  on("error", (e: ErrorEvent) => {
    if (!e.message) return;
    emit(Code.Error, [`script:${bareUrl(e.filename)}:${e.lineno}`], true);
  });
  on("unhandledrejection", () => emit(Code.Error, ["promise"], true));
}

/** A new stream: presses count from 1 again, and it begins with where it is. */
export function newStream() {
  forgetPresses();
  view(Nav.Spa);
}
