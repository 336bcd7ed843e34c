"""The life of a recommendation, as a pure function of what is known about it.

    open ──▶ delivered ──▶ seen ──▶ acted | declined | void   (answers until due)
      │          └───────────┴────▶ ignored ──▶ acted_late     (nothing by due; a later act)
      │                                └──────▶ void           (nothing by due; a false alarm)
      └──▶ expired                                             (never delivered by due)

Nothing is stepped forward in place: outcomes may come before their decision, twice, or in any
order, so the history is folded anew from all facts each time one is added. Whatever the order of
arrival, the same facts give the same history. `owners` says whose it was meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from services.accountability.appeals import Appeal, read_appeals
from services.accountability.facts import (
    FALSE_ALARM,
    RIGHT,
    WRONG,
    Fact,
    FactKind,
    OwnerTerms,
    Terms,
    in_order,
)


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
PAST_DUE = frozenset({State.IGNORED, State.EXPIRED, State.ACTED_LATE})
FOR_EVER_MS = (1 << 53) - 1
_IN_TIME = {
    FactKind.DELIVERED: State.DELIVERED,
    FactKind.SEEN: State.SEEN,
    FactKind.ACTED: State.ACTED,
    FactKind.DECLINED: State.DECLINED,
    FactKind.VOIDED: State.VOID,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A transition; `fact_id` is empty where a clock did it."""

    state: State
    at_ms: int
    fact_id: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All that follows from the facts but whose it was."""

    steps: tuple[Step, ...]
    """The present state last."""
    due_at_ms: int
    late_until_ms: int
    """After it an ignored one stays ignored."""
    terms: dict[str, OwnerTerms]
    """Of whoever's are known."""
    appeals: dict[str, Appeal]
    """By person; everybody's first."""
    ended_by: Fact | None
    """The answer, act or withdrawal that ended it; None where a clock did, or nothing."""
    false_alarm: bool
    """Somebody who may say so has said so."""
    right: bool | None
    """Whether the emotion was, as the last person said; None: nobody did."""

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.steps[-1].state

    @property
    def closed_at_ms(self) -> int | None:
        """When nobody had to answer any more; None: somebody has to."""
        last = self.steps[-1]
        return last.at_ms if last.state in FINAL or last.state is State.IGNORED else None


def fold(asked: Terms, facts: Iterable[Fact], now_ms: int) -> History:
    """Return the whole history.

    `now_ms` is the moment up to which all facts are believed to have been heard. A fact after the
    due time proves by itself that the due time has passed. An answer at the due time is in time.
    """
    known = {fact.id: fact for fact in facts}
    ordered = in_order(known)
    terms = _terms(ordered)
    own = terms.get(asked.person_id, OwnerTerms())
    # What the alert has promised is the least that somebody gets.
    due_at_ms = max(asked.due_at_ms, own.due_at_ms)
    late_until_ms = max(due_at_ms, own.late_until_ms or FOR_EVER_MS)
    appeals = read_appeals(ordered)
    moving = in_order({fact.id: fact for fact in _moving(ordered, appeals)})
    steps = [Step(State.OPEN, asked.decided_at_ms)]
    early = [fact for fact in moving if fact.at_ms <= due_at_ms]
    late = moving[len(early) :]
    for fact in early:
        # States before the answer are numbered in their order, so a step back is a smaller number.
        if steps[-1].state not in FINAL and _IN_TIME[fact.kind] > steps[-1].state:
            _move(steps, _IN_TIME[fact.kind], fact.at_ms, fact.id)
    if steps[-1].state not in FINAL and (late or due_at_ms <= now_ms):
        unheard = steps[-1].state is State.OPEN
        _move(steps, State.EXPIRED if unheard else State.IGNORED, due_at_ms, "")
    for fact in late:
        # Only an act redeems: a "no" after the due time leaves it ignored, and stays as a fact.
        if steps[-1].state is State.IGNORED:
            if fact.kind is FactKind.ACTED and fact.at_ms <= late_until_ms:
                _move(steps, State.ACTED_LATE, fact.at_ms, fact.id)
            elif fact.kind is FactKind.VOIDED:
                _move(steps, State.VOID, fact.at_ms, fact.id)
    false_alarm = any(
        fact.kind is FactKind.VOIDED and fact.detail == FALSE_ALARM for fact in moving
    )
    return History(
        tuple(steps),
        due_at_ms,
        late_until_ms,
        terms,
        appeals,
        known.get(steps[-1].fact_id) if steps[-1].state in FINAL else None,
        false_alarm,
        _right(ordered, appeals, false_alarm),
    )


def _terms(ordered: list[Fact]) -> dict[str, OwnerTerms]:
    """Everybody's first."""
    found: dict[str, OwnerTerms] = {}
    for fact in ordered:
        if fact.kind is FactKind.TERMS_SET and fact.terms is not None:
            found.setdefault(fact.person_id, fact.terms)
    return found


def _moving(ordered: list[Fact], appeals: dict[str, Appeal]) -> Iterable[Fact]:
    """Facts that may move a state. Whoever upholds that it was a false alarm withdraws it."""
    for fact in ordered:
        if fact.kind in _IN_TIME:
            yield fact
    for appeal in appeals.values():
        if appeal.granted and appeal.reason == FALSE_ALARM and appeal.ruling is not None:
            ruling = appeal.ruling
            yield Fact(ruling.id, FactKind.VOIDED, ruling.at_ms, detail=FALSE_ALARM)


def _right(ordered: list[Fact], appeals: dict[str, Appeal], false_alarm: bool) -> bool | None:
    said = [fact for fact in ordered if fact.kind is FactKind.FEEDBACK]
    said = [fact for fact in said if fact.detail in (RIGHT, WRONG)]
    if said:
        return said[-1].detail == RIGHT
    declined = any(
        fact.kind is FactKind.DECLINED and fact.detail == FALSE_ALARM for fact in ordered
    )
    contested = any(
        appeal.reason == FALSE_ALARM and not appeal.refused for appeal in appeals.values()
    )
    return False if false_alarm or declined or contested else None


def _move(steps: list[Step], state: State, at_ms: int, fact_id: str) -> None:
    # Clocks of providers and of this mesh differ: a step never stands before the one it follows.
    steps.append(Step(state, max(at_ms, steps[-1].at_ms), fact_id))
