"""Whose a recommendation was, from when to when, and what is said of each owner for it.

Times of a closed recommendation's owners add up to its age: an owner's time begins where the one
before ends, and the last ends when the recommendation was closed. What is past due stays with who
let it fall due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.accountability.appeals import Appeal, AppealState
from services.accountability.facts import NEVER_SAW, Fact, FactKind, Terms, in_order
from services.accountability.fairness import Verdict
from services.accountability.hours import overlap_ms
from services.accountability.lifecycle import PAST_DUE, History, State

_PASSED_ON = (FactKind.HANDED_OVER, FactKind.ESCALATED)
_LOOKED = (FactKind.SEEN, FactKind.ACTED, FactKind.DECLINED)


@dataclass(frozen=True, slots=True)
class Ownership:
    """The time for which it was one person's."""

    person_id: str
    from_ms: int
    to_ms: int | None
    """None: it is theirs."""
    delivered_at_ms: int | None
    seen_at_ms: int | None
    working_ms: int
    """Of their hours, from when it reached them until it was due or theirs no more."""
    verdict: Verdict
    team: str
    terms_source: str | None
    """None: their terms are not worked out yet."""
    appeal: AppealState
    appeal_reason: str


@dataclass(frozen=True, slots=True)
class _Tenure:
    person_id: str
    from_ms: int
    to_ms: int | None
    passed_on: FactKind | None
    """How it went to the next owner; None: it did not."""


def owners_of(asked: Terms, facts: Iterable[Fact], history: History) -> tuple[Ownership, ...]:
    """Everybody it belonged to, the first owner first."""
    ordered = in_order({fact.id: fact for fact in facts})
    return tuple(
        _judge(tenure, asked, ordered, history) for tenure in _tenures(asked, ordered, history)
    )


def _tenures(asked: Terms, ordered: Sequence[Fact], history: History) -> list[_Tenure]:
    past_due = history.state in PAST_DUE or _was_ignored(history)
    closed_at_ms = history.closed_at_ms
    until_ms = history.due_at_ms if past_due else closed_at_ms
    found: list[_Tenure] = []
    person, from_ms = asked.person_id, asked.decided_at_ms
    for fact in ordered:
        at_ms = max(fact.at_ms, from_ms)
        if fact.kind not in _PASSED_ON or fact.person_id in ("", person):
            continue
        if until_ms is not None and at_ms >= until_ms:
            continue
        found.append(_Tenure(person, from_ms, at_ms, fact.kind))
        person, from_ms = fact.person_id, at_ms
    return [*found, _Tenure(person, from_ms, closed_at_ms, None)]


def _was_ignored(history: History) -> bool:
    return any(step.state is State.IGNORED for step in history.steps)


def _judge(tenure: _Tenure, asked: Terms, ordered: Sequence[Fact], history: History) -> Ownership:
    person = tenure.person_id
    terms = history.terms.get(person)
    end_ms = min(history.due_at_ms, history.due_at_ms if tenure.to_ms is None else tenure.to_ms)
    about = [
        fact
        for fact in ordered
        if fact.person_id == person or (not fact.person_id and person == asked.person_id)
    ]
    seen = [fact.at_ms for fact in about if fact.kind in _LOOKED]
    seen += [
        fact.at_ms for fact in ordered if fact.by_person_id == person and fact.kind in _PASSED_ON
    ]
    reached = [*seen, *(fact.at_ms for fact in about if fact.kind is FactKind.DELIVERED)]
    delivered_at_ms, seen_at_ms = min(reached, default=None), min(seen, default=None)
    since_ms = max(tenure.from_ms, tenure.from_ms if delivered_at_ms is None else delivered_at_ms)
    working_ms = 0
    if terms is not None and delivered_at_ms is not None:
        working_ms = overlap_ms(terms.working, since_ms, end_ms)
    appeal = history.appeals.get(person)
    verdict = _ended(tenure, history) or _excuse(
        history,
        appeal,
        delivered=delivered_at_ms is not None and delivered_at_ms <= end_ms,
        seen=seen_at_ms is not None and seen_at_ms <= end_ms,
        working_ms=working_ms,
        # A deadline shorter than what is fair can only be held to as a whole.
        fair_ms=min(terms.fair_ms if terms else 0, history.due_at_ms - asked.decided_at_ms),
    )
    if verdict is None:
        acted_late = history.state is State.ACTED_LATE and tenure.passed_on is None
        verdict = Verdict.LATE if acted_late else Verdict.MISSED
    return Ownership(
        person,
        tenure.from_ms,
        tenure.to_ms,
        delivered_at_ms,
        seen_at_ms,
        working_ms,
        verdict,
        terms.team if terms else "",
        terms.source if terms else None,
        appeal.state if appeal else AppealState.NONE,
        appeal.reason if appeal else "",
    )


def _ended(tenure: _Tenure, history: History) -> Verdict | None:
    """What is said of who had it to its end, or passed it on; None: it was missed."""
    if tenure.passed_on is FactKind.HANDED_OVER:
        return Verdict.HANDED_ON
    if tenure.passed_on is not None:
        return None
    if history.closed_at_ms is None:
        return Verdict.PENDING
    ended_by = history.ended_by
    own = ended_by is None or ended_by.person_id in ("", tenure.person_id)
    match history.state:
        case State.ACTED:
            return Verdict.MET if own else Verdict.COVERED
        case State.DECLINED:
            return Verdict.ANSWERED if own else Verdict.COVERED
        case State.VOID if not history.false_alarm and not _was_ignored(history):
            return Verdict.WITHDRAWN
        case _:
            return None


def _excuse(
    history: History,
    appeal: Appeal | None,
    *,
    delivered: bool,
    seen: bool,
    working_ms: int,
    fair_ms: int,
) -> Verdict | None:
    """Why a miss is nobody's fault; None: it is somebody's."""
    if history.false_alarm:
        return Verdict.FALSE_ALARM
    if history.state is State.VOID:
        return Verdict.WITHDRAWN
    if not delivered:
        return Verdict.UNDELIVERED
    if not seen:
        return Verdict.UNSEEN
    if working_ms <= 0:
        return Verdict.OUTSIDE_HOURS
    if working_ms < fair_ms:
        return Verdict.TOO_SHORT
    if appeal is not None and not appeal.refused:
        if not appeal.granted:
            return Verdict.UNDER_APPEAL
        return Verdict.NEVER_SAW if appeal.reason == NEVER_SAW else Verdict.FALSE_ALARM
    return None
