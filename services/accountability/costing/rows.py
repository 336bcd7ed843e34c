"""A row for each unit: which side it is on, what was known before, and what then happened.

A unit counts from its first decision in the period on. In a holdout outcomes count from that
moment, on both sides alike. Where nobody dealt, help takes its time, and who was lost at once
cannot be helped any more: outcomes count from the moment by which help had to come, and whoever had
theirs before is left out on both sides (a landmark: Anderson, Cain & Gelber 1983, "Analysis of
Survival by Tumor Response", Journal of Clinical Oncology 1(11)).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.accountability.costing.facts import (
    DAY_MS,
    EVENTS_KEPT_DAYS,
    HISTORY_DAYS,
    Decided,
    Facts,
    Met,
)
from services.accountability.outcomes.credit import Act, credit
from services.accountability.outcomes.facts import Happened, keys_of, outcomes_of
from services.common.errors import NotFound

HELD = "held"
FORGOTTEN = f"what followed is no longer known: events are kept for {EVENTS_KEPT_DAYS} days"
_HOLDOUT = "holdout:"
_LANDMARK_MS = 60_000
"""Within which help in the page is shown, or is not."""
_RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Row:
    """A unit."""

    unit: str
    first: Decided
    helped: bool
    share: float
    """Chance of being helped; NaN where no holdout dealt."""
    credited: tuple[Happened, ...]
    before: Mapping[str, float]
    earlier: Mapping[str, float]
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The units of one comparison."""

    rows: tuple[Row, ...]
    unit_kind: str
    holdout: str = ""


def dealt_rows(facts: Facts) -> Rows:
    """Those whom a holdout dealt.

    Raises:
        NotFound: nobody met the holdout that was asked for.
    """
    name = _holdout(facts)
    met = {one.id: _met(one, name) for one in facts.decided}
    kinds = {place.unit_kind for place in met.values() if place is not None}
    kind = min(kinds, default="person")
    members = _by_unit(facts.decided, kind, lambda one: met[one.id] is not None)
    starts = {unit: ones[0].at_ms for unit, ones in members.items()}
    credited, history = _credited(facts, members, starts), _History(facts)
    rows: list[Row] = []
    for unit, ones in members.items():
        place = met[ones[0].id]
        assert place is not None
        helped = place.arm != HELD
        share = place.chance if helped else 1 - place.chance
        rows.append(
            Row(
                unit, ones[0], helped, share, credited.get(unit, ()),
                *history.of(ones), left_out=_left_out(facts, ones[0], ones[0].at_ms),
            )
        )  # fmt: skip
    return Rows(tuple(rows), kind, name)


def offered_rows(facts: Facts) -> Rows:
    """Those to whom help was to be given, and whether it came in time."""
    members = _by_unit(facts.decided, "", lambda one: one.offered)
    starts = {unit: _landmark(ones[0]) for unit, ones in members.items()}
    credited, history = _credited(facts, members, starts), _History(facts)
    rows: list[Row] = []
    for unit, ones in members.items():
        first, by_ms = ones[0], starts[unit]
        helped = any(0 < at_ms <= by_ms for at_ms in (first.acted_at_ms, first.shown_at_ms))
        early = history.happened_between(ones, first.at_ms, by_ms)
        why = _left_out(facts, first, by_ms, early=early)
        rows.append(
            Row(
                unit, first, helped, math.nan, credited.get(unit, ()),
                *history.of(ones), left_out=why,
            )
        )  # fmt: skip
    return Rows(tuple(rows), "person")


def _holdout(facts: Facts) -> str:
    """The holdout to compare by; empty: nobody was held out."""
    held = Counter(
        place.name
        for one in facts.decided
        for place in one.met
        if place.name.startswith(_HOLDOUT) and place.arm == HELD
    )
    asked = facts.question.holdout
    if asked:
        if asked not in {place.name for one in facts.decided for place in one.met}:
            there = ", ".join(sorted(held)) or "none"
            raise NotFound(f"nobody met {asked!r} in the period; holdouts met: {there}")
        return asked
    return min(held, key=lambda name: (-held[name], name), default="")


def _met(one: Decided, name: str) -> Met | None:
    return next((place for place in one.met if place.name == name), None)


def _by_unit(
    decided: Sequence[Decided], kind: str, wanted: Callable[[Decided], bool]
) -> dict[str, list[Decided]]:
    """Decisions by unit, the first one first. Without a kind: the user, or else the visit."""
    found: defaultdict[str, list[Decided]] = defaultdict(list)
    for one in decided:
        unit = one.unit(kind) if kind else one.user_id or one.session_id
        if unit and wanted(one):
            found[unit].append(one)
    return dict(found)


def _credited(
    facts: Facts, members: Mapping[str, list[Decided]], starts: Mapping[str, int]
) -> dict[str, tuple[Happened, ...]]:
    outcomes = outcomes_of(facts.kind, facts.tracked, facts.paid)
    acts = [Act(unit, starts[unit], _keys(ones)) for unit, ones in members.items()]
    given = credit(acts, outcomes, facts.window_ms)
    return {unit: tuple(ones) for unit, ones in given.items()}


def _keys(ones: Iterable[Decided]) -> tuple[str, ...]:
    return tuple(sorted({key for one in ones for key in keys_of(one.session_id, one.user_id)}))


def _landmark(one: Decided) -> int:
    return one.due_at_ms or one.at_ms + _LANDMARK_MS


def _left_out(facts: Facts, first: Decided, since_ms: int, *, early: bool = False) -> str:
    """Why nobody can say what became of it, or help is not to be judged by it; empty: it counts."""
    if facts.forgotten(first):
        # It would look as if nothing had happened, whatever did.
        return FORGOTTEN
    if early:
        return "it had happened before help could come"
    if since_ms + facts.window_ms <= facts.now_ms:
        return ""
    return f"its window of {facts.kind.window_days:g} days is still open"


class _History:
    """What units did before their decision."""

    def __init__(self, facts: Facts) -> None:
        self._paid = _by_key(outcomes_of(facts.payments, facts.tracked, facts.paid))
        self._happened = _by_key(outcomes_of(facts.kind, facts.tracked, facts.paid))

    def of(self, ones: Sequence[Decided]) -> tuple[dict[str, float], dict[str, float]]:
        """What to adjust by, and what came earlier still."""
        first, at_ms = ones[0], ones[0].at_ms
        recent_ms = at_ms - _RECENT_DAYS * DAY_MS
        recent = self._within(self._paid, ones, recent_ms, at_ms)
        earlier = self._within(self._paid, ones, at_ms - HISTORY_DAYS * DAY_MS, recent_ms)
        before = {**first.before, "payments_before": float(len(recent))}
        if first.minor is not None:
            before[f"value_{first.currency}"] = float(first.minor)
        for one in recent:
            if one.currency:
                name = f"paid_{one.currency}_before"
                before[name] = before.get(name, 0.0) + one.minor
        before_that = {"paid_earlier": float(bool(earlier))}
        for one in earlier:
            if one.currency:
                name = f"paid_{one.currency}_earlier"
                before_that[name] = before_that.get(name, 0.0) + one.minor
        # Sums of money have long tails, and an effect on them would drown.
        return before, {name: math.log1p(value) for name, value in before_that.items()}

    def happened_between(self, ones: Sequence[Decided], since_ms: int, until_ms: int) -> bool:
        """Whether the outcome was there before help could be."""
        return bool(self._within(self._happened, ones, since_ms, until_ms))

    @staticmethod
    def _within(
        found: Mapping[str, list[Happened]], ones: Sequence[Decided], since_ms: int, until_ms: int
    ) -> list[Happened]:
        within = {
            one.id: one
            for key in _keys(ones)
            for one in found.get(key, ())
            if since_ms <= one.at_ms < until_ms
        }
        return [within[id_] for id_ in sorted(within)]


def _by_key(outcomes: Mapping[str, Happened]) -> dict[str, list[Happened]]:
    found: defaultdict[str, list[Happened]] = defaultdict(list)
    for one in outcomes.values():
        for key in one.keys:
            found[key].append(one)
    return dict(found)
