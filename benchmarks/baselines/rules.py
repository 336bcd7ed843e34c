"""The rules. Each takes a session's presses and returns when it fires."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.baselines.presses import Press

Rule = Callable[["Sequence[Press]"], list[int]]


def _runs(presses: Sequence[Press], joins: Callable[[Press, Press], bool]) -> list[list[Press]]:
    """Cut presses into runs in which each joins the one before."""
    runs: list[list[Press]] = []
    for press in presses:
        if runs and joins(runs[-1][-1], press):
            runs[-1].append(press)
        else:
            runs.append([press])
    return runs


def _manhattan(a: Press, b: Press) -> float:
    return abs(a.x - b.x) + abs(a.y - b.y)


def _page_distance(a: Press, b: Press) -> float:
    return math.hypot(a.x - b.x, a.page_y - b.page_y)


def posthog(presses: Sequence[Press]) -> list[int]:
    """3 presses, each < 30 px (Manhattan) and < 1 s from the one before; targets do not matter."""
    runs = _runs(presses, lambda a, b: _manhattan(a, b) < 30 and b.t - a.t < 1000)
    return [run[2].t for run in runs if len(run) >= 3]


def _named_next_or_plus(press: Press) -> bool:
    """Whether PostHog's word list or its field rule exempts a target; an svg has no words."""
    if "carousel" in press.flags:
        return not press.target.startswith("svg")
    return bool(press.flags & {"stepper", "paginator", "date_picker", "text_field"})


def posthog_2026(presses: Sequence[Press]) -> list[int]:
    """The same with the defaults of 2026-05-30; only the last press's target is looked at."""
    runs = _runs(presses, lambda a, b: _manhattan(a, b) < 30 and b.t - a.t < 1000)
    return [run[2].t for run in runs if len(run) >= 3 and not _named_next_or_plus(run[2])]


def datadog(presses: Sequence[Press]) -> list[int]:
    """Any 3 presses within 1 s of a chain (same target, ≤ 100 px, < 1 s), none selecting."""
    fired: list[int] = []
    for chain in _runs(
        presses,
        lambda a, b: (
            a.target == b.target and math.dist((a.x, a.y), (b.x, b.y)) <= 100 and b.t - a.t < 1000
        ),
    ):
        if any(p.selected or p.scrolled for p in chain):
            continue
        if any(c.t - a.t <= 1000 for a, c in zip(chain, chain[2:], strict=False)):
            fired.append(chain[-1].t + 1000)
    return fired


SENTRY_TAGS: Final = frozenset({"button", "link"})


def sentry(presses: Sequence[Press]) -> list[int]:
    """5 dead presses (nothing changes for 3 s, no scroll) in 7 s, on one button or link."""
    fired: list[int] = []
    blocked = 0
    for i, first in enumerate(presses):
        if first.t < blocked or not first.flags & SENTRY_TAGS:
            continue
        same = [p for p in presses[i:] if p.target == first.target and p.t - first.t < 7000]
        dead = [p for p in same if p.mutated_ms > 3000 and not p.scrolled]
        if len(dead) == len(same) >= 5:
            blocked = first.t + 7000
            fired.append(blocked)
    return fired


def amplitude(presses: Sequence[Press]) -> list[int]:
    """4 presses on one target within 1 s and a box of 50 px; a selection empties the window."""
    fired: list[int] = []
    window: list[Press] = []
    for press in presses:
        if press.selected or (window and window[-1].target != press.target):
            window = []
        if press.selected:
            continue
        window = [*window, press][-4:]
        wide = max(p.x for p in window) - min(p.x for p in window)
        high = max(p.page_y for p in window) - min(p.page_y for p in window)
        if wide > 50 or high > 50:
            window = [press]
        elif len(window) == 4 and press.t - window[0].t < 1000:
            fired.append(press.t + 1000)
            window = []
    return fired


def mixpanel(presses: Sequence[Press]) -> list[int]:
    """4 presses, each < 30 px and < 1 s from the one before; then it begins anew."""
    runs = _runs(presses, lambda a, b: _page_distance(a, b) < 30 and b.t - a.t < 1000)
    return [press.t for run in runs for press in run[3::4]]


def new_relic(presses: Sequence[Press]) -> list[int]:
    """4 consecutive presses on one target within 1 s, with nothing else done in between."""
    fired: list[int] = []
    for run in _runs(presses, lambda a, b: a.target == b.target and not b.interrupted):
        if any(d.t - a.t < 1000 for a, d in zip(run, run[3:], strict=False)):
            fired.append(run[-1].t)
    return fired


def splunk(presses: Sequence[Press]) -> list[int]:
    """4 presses on one node, all younger than 1 s; then the list is emptied."""
    fired: list[int] = []
    lists: dict[str, list[int]] = {}
    for press in presses:
        times = [t for t in lists.get(press.target, []) if press.t - t < 1000]
        times.append(press.t)
        if len(times) >= 4:
            fired.append(press.t)
            times = []
        lists[press.target] = times
    return fired


def highlight(presses: Sequence[Press]) -> list[int]:
    """At least 5 earlier presses within 8 px in the last 5 s; double clicks count as two."""
    fired: list[int] = []
    blocked = 0
    for i, press in enumerate(presses):
        near = [
            p for p in presses[:i]
            if press.t - p.t <= 5000 and math.dist((p.x, p.y), (press.x, press.y)) <= 8
        ]  # fmt: skip
        if len(near) >= 5 and press.t >= blocked:
            fired.append(press.t)
            blocked = press.t + 5000
    return fired


LABELLED: Final = frozenset({"button", "link", "text_field", "tab", "menu", "nav"})


def openreplay(presses: Sequence[Press]) -> list[int]:
    """3 presses on one label, each < 300 ms after the one before; what has no label ends it."""
    runs = _runs(
        presses,
        lambda a, b: a.target == b.target and b.t - a.t < 300 and bool(b.flags & LABELLED),
    )
    return [run[-1].t for run in runs if len(run) >= 3 and run[0].flags & LABELLED]


RULES: Final[Mapping[str, Rule]] = {
    "posthog": posthog,
    "posthog_2026_05_30": posthog_2026,
    "datadog": datadog,
    "sentry": sentry,
    "amplitude": amplitude,
    "mixpanel": mixpanel,
    "new_relic": new_relic,
    "splunk": splunk,
    "highlight": highlight,
    "openreplay": openreplay,
}
