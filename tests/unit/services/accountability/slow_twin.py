"""Whose it was and what is said of them, the slow and obvious way: millisecond by millisecond.

It keeps no lists of steps and sorts nothing cleverly: it walks through time, asks at each moment
which facts are of that moment, and remembers who has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.fairness import Verdict
from services.accountability.lifecycle import State

Told = list[tuple[str, int, int | None, Verdict]]
_END = 15_000


def judge_slowly(asked: Terms, facts: Sequence[Fact], now_ms: int) -> tuple[State, Told]:
    """State, and of each owner: who, from when, to when, verdict."""
    by_moment: dict[int, list[Fact]] = {}
    for one in facts:
        by_moment.setdefault(one.at_ms, []).append(one)
    moments = [
        sorted(by_moment.get(at_ms, []), key=lambda one: (one.kind.value, one.id))
        for at_ms in range(_END)
    ]
    stream = [one for facts_then in moments for one in facts_then]
    terms = {one.person_id: one.terms for one in reversed(stream) if one.terms is not None}
    own = terms.get(asked.person_id, OwnerTerms())
    due = max(asked.due_at_ms, own.due_at_ms)
    late_until = max(due, own.late_until_ms) if own.late_until_ms else _END
    appeals = {
        one.person_id: one
        for one in reversed(stream)
        if one.kind is FactKind.APPEALED and one.detail in ("never_saw", "false_alarm")
    }
    rulings = {
        one.person_id: one
        for one in reversed(stream)
        if one.kind is FactKind.APPEAL_RULED
        and one.detail in ("granted", "refused")
        and one.by_person_id != one.person_id
        and one.person_id in appeals
        and one.at_ms >= appeals[one.person_id].at_ms
    }
    upheld_false = {
        ruling.id
        for person, ruling in rulings.items()
        if ruling.detail == "granted" and appeals[person].detail == "false_alarm"
    }
    false_alarm = bool(upheld_false) or any(
        one.kind is FactKind.VOIDED and one.detail == "false_alarm" for one in stream
    )

    state, closed, actor = State.OPEN, None, None
    owner, since = asked.person_id, asked.decided_at_ms
    tenures: list[tuple[str, int, int | None, bool | None]] = []
    fell_due = False
    last_step = asked.decided_at_ms

    def is_void(one: Fact) -> bool:
        return one.kind is FactKind.VOIDED or one.id in upheld_false

    # Withdrawals stand where their kind does among facts of a moment.
    def place(one: Fact) -> tuple[int, str]:
        return (FactKind.VOIDED.value if is_void(one) else one.kind.value, one.id)

    proven = any(
        one.at_ms > due and (one.kind.value in (5, 6, 7, 8) or is_void(one)) for one in stream
    )
    over = due <= now_ms or proven
    for at_ms in range(_END):
        # The state first, in its own order; then changes of hands, which an answer forestalls.
        for one in sorted(moments[at_ms], key=place):
            if at_ms <= due:
                if closed is not None:
                    continue
                if one.kind is FactKind.DELIVERED and state is State.OPEN:
                    state, last_step = State.DELIVERED, max(at_ms, last_step)
                elif one.kind is FactKind.SEEN and state in (State.OPEN, State.DELIVERED):
                    state, last_step = State.SEEN, max(at_ms, last_step)
                elif one.kind is FactKind.ACTED:
                    state, closed, actor = State.ACTED, max(at_ms, last_step), one.person_id
                elif one.kind is FactKind.DECLINED:
                    state, closed, actor = State.DECLINED, max(at_ms, last_step), one.person_id
                elif is_void(one):
                    state, closed, actor = State.VOID, max(at_ms, last_step), ""
            elif state is State.IGNORED:
                if one.kind is FactKind.ACTED and at_ms <= late_until:
                    state, closed, actor = State.ACTED_LATE, at_ms, one.person_id
                elif is_void(one):
                    state, closed, actor = State.VOID, at_ms, ""
        if at_ms == due and closed is None and over:
            state = State.EXPIRED if state is State.OPEN else State.IGNORED
            fell_due, closed = True, due
    limit = due if fell_due else closed
    for one in stream:
        if one.kind not in (FactKind.HANDED_OVER, FactKind.ESCALATED):
            continue
        moment = max(one.at_ms, since)
        if one.person_id in ("", owner) or (limit is not None and moment >= limit):
            continue
        tenures.append((owner, since, moment, one.kind is FactKind.HANDED_OVER))
        owner, since = one.person_id, moment
    tenures.append((owner, since, closed, None))

    told: Told = []
    for person, begin, end, by_hand in tenures:
        told.append(
            (
                person,
                begin,
                end,
                _verdict(
                    person, begin, end, by_hand, asked, stream, terms, appeals, rulings,
                    state, actor, due, fell_due, false_alarm, closed,
                ),
            )
        )  # fmt: skip
    return state, told


def _verdict(
    person: str, begin: int, end: int | None, by_hand: bool | None, asked: Terms,
    stream: list[Fact], terms: dict[str, OwnerTerms], appeals: dict[str, Fact],
    rulings: dict[str, Fact], state: State, actor: str | None, due: int, fell_due: bool,
    false_alarm: bool, closed: int | None,
) -> Verdict:  # fmt: skip
    if by_hand:
        return Verdict.HANDED_ON
    if by_hand is None:
        if closed is None:
            return Verdict.PENDING
        theirs = actor in ("", person)
        if state is State.ACTED:
            return Verdict.MET if theirs else Verdict.COVERED
        if state is State.DECLINED:
            return Verdict.ANSWERED if theirs else Verdict.COVERED
    if false_alarm:
        return Verdict.FALSE_ALARM
    if state is State.VOID:
        return Verdict.WITHDRAWN
    until = due if end is None else min(due, end)
    reached = saw = None
    for one in stream:
        about = one.person_id == person or (one.person_id == "" and person == asked.person_id)
        looked = about and one.kind in (FactKind.SEEN, FactKind.ACTED, FactKind.DECLINED)
        looked = looked or (
            one.by_person_id == person and one.kind in (FactKind.HANDED_OVER, FactKind.ESCALATED)
        )
        if looked and saw is None:
            saw = one.at_ms
        if (looked or (about and one.kind is FactKind.DELIVERED)) and reached is None:
            reached = one.at_ms
    if reached is None or reached > until:
        return Verdict.UNDELIVERED
    if saw is None or saw > until:
        return Verdict.UNSEEN
    mine = terms.get(person) or OwnerTerms()
    worked = sum(
        any(start <= moment < stop for start, stop in mine.working)
        for moment in range(max(begin, reached), until)
    )
    if worked == 0:
        return Verdict.OUTSIDE_HOURS
    if worked < min(mine.fair_ms, due - asked.decided_at_ms):
        return Verdict.TOO_SHORT
    if person in appeals:
        ruling = rulings.get(person)
        if ruling is None:
            return Verdict.UNDER_APPEAL
        if ruling.detail == "granted":
            return Verdict.NEVER_SAW
    late = by_hand is None and state is State.ACTED_LATE
    return Verdict.LATE if late else Verdict.MISSED
