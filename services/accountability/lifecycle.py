"""The life of a recommendation, as a pure function of what is known about it.

    open ──▶ delivered ──▶ seen ──▶ acted | declined      (answers until due)
      │          └───────────┴────▶ ignored ──▶ acted_late (nothing by due; a later act)
      └──▶ expired                                         (never delivered by due)

Nothing is stepped forward in place: outcomes may come before their decision, twice, or in any
order, so the history is folded anew from all facts each time one is added. Whatever the order of
arrival, the same facts give the same history.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """Numbers of `RecommendationState` in proto."""

    OPEN = 1
    DELIVERED = 2
    SEEN = 3
    ACTED = 4
    ACTED_LATE = 5
    DECLINED = 6
    IGNORED = 7
    EXPIRED = 8
    VOID = 9


FINAL = frozenset({State.ACTED, State.ACTED_LATE, State.DECLINED, State.EXPIRED, State.VOID})


class FactKind(IntEnum):
    """Numbers of `OutcomeKind` in proto, those that move a recommendation."""

    DELIVERED = 5
    SEEN = 6
    ACTED = 7
    DECLINED = 8


_IN_TIME = {
    FactKind.DELIVERED: State.DELIVERED,
    FactKind.SEEN: State.SEEN,
    FactKind.ACTED: State.ACTED,
    FactKind.DECLINED: State.DECLINED,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the decision fixed. Times in Unix epoch milliseconds."""

    decided_at_ms: int
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One outcome; `at_ms` is when it occurred, not when it was heard of."""

    id: str
    kind: FactKind
    at_ms: int


@dataclass(frozen=True, slots=True)
class Step:
    """A transition; `fact_id` is empty where a clock did it."""

    state: State
    at_ms: int
    fact_id: str = ""


def fold(terms: Terms, facts: Iterable[Fact], now_ms: int) -> tuple[Step, ...]:
    """Return the whole history, the present state last.

    `now_ms` is the moment up to which all facts are believed to have been heard. A fact after the
    due time proves by itself that the due time has passed. An answer at the due time is in time.
    Among facts of one millisecond delivered comes before seen before acted before declined.
    """
    steps = [Step(State.OPEN, terms.decided_at_ms)]
    ordered = sorted(facts, key=lambda fact: (fact.at_ms, fact.kind, fact.id))
    early = [fact for fact in ordered if fact.at_ms <= terms.due_at_ms]
    late = ordered[len(early) :]
    for fact in early:
        # States before the answer are numbered in their order, so a step back is a smaller number.
        if steps[-1].state not in FINAL and _IN_TIME[fact.kind] > steps[-1].state:
            _move(steps, _IN_TIME[fact.kind], fact.at_ms, fact.id)
    if steps[-1].state not in FINAL and (late or terms.due_at_ms <= now_ms):
        unheard = steps[-1].state is State.OPEN
        _move(steps, State.EXPIRED if unheard else State.IGNORED, terms.due_at_ms, "")
    for fact in late:
        # Only an act redeems: a "no" after the due time leaves it ignored, and stays as a fact.
        if steps[-1].state is State.IGNORED and fact.kind is FactKind.ACTED:
            _move(steps, State.ACTED_LATE, fact.at_ms, fact.id)
    return tuple(steps)


def _move(steps: list[Step], state: State, at_ms: int, fact_id: str) -> None:
    # Clocks of providers and of this mesh differ: a step never stands before the one it follows.
    steps.append(Step(state, max(at_ms, steps[-1].at_ms), fact_id))
