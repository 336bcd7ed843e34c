// The page itself: views (loads, single-page routes), errors.

import { on, wrap } from "../hooks";
import { more } from "../more";
import { bareUrl, pagePath } from "../privacy";
import { emit } from "../record";
import { page, setPage } from "../stream";
import { Answer, Code, Nav } from "../wire";
import { forgetPresses } from "./press";

const LOAD: Record<string, Nav> = { reload: Nav.Reload, back_forward: Nav.BackForward };

export const view = (nav: Nav, referrer?: string | null) => {
  const height = document.documentElement.scrollHeight;
  emit(Code.PageView, [setPage(), nav, referrer, innerWidth, innerHeight, height]);
};

const routed = (nav: Nav) => {
  if (pagePath() == page) return;
  more?._react(Answer.Navigation);
  view(nav, page);
};

export const capturePage = () => {
  const load: any = performance.getEntriesByType("navigation")[0];
  view(LOAD[load?.type] || Nav.Load, bareUrl(document.referrer) || null);

  wrap("pushState replaceState", () => () => routed(Nav.Spa), () => history);
  // A link to a hash route and the back button look alike; the Navigation API can tell them apart.
  let traversing = false;
  on(
    "navigate",
    (e) => (traversing = e.navigationType == "traverse"),
    () => (window as any).navigation,
  );
  on("popstate hashchange", () => routed(traversing ? Nav.BackForward : Nav.Spa));
  // Where it happened, never what it said: messages quote what people have typed.
  on("error", (e: ErrorEvent) => {
    if (!e.message) return;
    emit(Code.Error, [`script:${bareUrl(e.filename)}:${e.lineno}`], true);
  });
  on("unhandledrejection", () => emit(Code.Error, ["promise"], true));
};

/** A new stream: presses count from 1 again, and it begins with where it is. */
export const newStream = () => {
  forgetPresses();
  view(Nav.Spa);
};
