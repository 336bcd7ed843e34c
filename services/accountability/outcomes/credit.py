"""Whose credit an outcome is: that of the last act before it, within the window, and of no other.

The rule, in full: an outcome goes to the act of the same person that came last before it (or at the
same moment), if that was at most the window ago; of acts at one moment to the one whose id is
greatest. It depends on what was told only, never on when or how often.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.accountability.outcomes.facts import Happened


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an outcome may be credited to: a recommendation, an episode, a unit."""

    id: str
    at_ms: int
    """From here on outcomes are its."""
    keys: tuple[str, ...]


def credit(
    acts: Iterable[Act], outcomes: Mapping[str, Happened], window_ms: int
) -> dict[str, list[Happened]]:
    """Outcomes by the act they are credited to, in order of time and id."""
    times: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for act_id, at_ms, key in {(act.id, act.at_ms, key) for act in acts for key in act.keys}:
        times[key].append((at_ms, act_id))
    for places in times.values():
        places.sort()
    found: defaultdict[str, list[Happened]] = defaultdict(list)
    for one in outcomes.values():
        last = max(
            (place for key in one.keys if (place := _last(times.get(key, []), one.at_ms))),
            default=None,
        )
        if last is not None and one.at_ms - last[0] <= window_ms:
            found[last[1]].append(one)
    for credited in found.values():
        credited.sort(key=lambda one: (one.at_ms, one.id))
    return dict(found)


def _last(places: list[tuple[int, str]], at_ms: int) -> tuple[int, str] | None:
    # An id is less than any text that begins with the highest character.
    place = bisect_right(places, (at_ms, "\U0010ffff"))
    return places[place - 1] if place else None
