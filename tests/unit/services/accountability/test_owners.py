"""Whose it was, and what is said of them: by hand, and by Hypothesis against a slow twin."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accountability.appeals import AppealState
from services.accountability.facts import Fact, FactKind, OwnerTerms, Terms
from services.accountability.fairness import BLAME, EXCUSED, Verdict
from services.accountability.lifecycle import FINAL, State, fold
from services.accountability.owners import Ownership, owners_of
from tests.unit.services.accountability.slow_twin import judge_slowly

TERMS = Terms(1_000, 5_000, "ann")
ALWAYS = OwnerTerms(5_000, 50_000, "sales", ((0, 100_000),), 500, "builtin")


def fact(kind: FactKind, at_ms: int, person: str = "ann", detail: str = "", by: str = "") -> Fact:
    return Fact(f"{kind.name}-{person}-{at_ms}-{detail}", kind, at_ms, person, by, detail)


def held(person: str, terms: OwnerTerms = ALWAYS) -> Fact:
    return replace(fact(FactKind.TERMS_SET, 1_100, person), terms=terms)


def owners(*facts: Fact, now_ms: int = 9_000) -> tuple[Ownership, ...]:
    everybody = [held(person) for person in ("ann", "bob", "cy")]
    known = [*facts, *(one for one in everybody if not _has_terms(facts, one.person_id))]
    return owners_of(TERMS, known, fold(TERMS, known, now_ms))


def _has_terms(facts: tuple[Fact, ...], person: str) -> bool:
    return any(one.kind is FactKind.TERMS_SET and one.person_id == person for one in facts)


def verdicts(*facts: Fact, now_ms: int = 9_000) -> list[tuple[str, Verdict]]:
    return [(one.person_id, one.verdict) for one in owners(*facts, now_ms=now_ms)]


DELIVERED = fact(FactKind.DELIVERED, 2_000)
SEEN = fact(FactKind.SEEN, 3_000)
ACTED = fact(FactKind.ACTED, 4_000)
LATE = fact(FactKind.ACTED, 6_000)
TO_BOB = fact(FactKind.HANDED_OVER, 3_500, "bob", by="ann")
UP_TO_CY = fact(FactKind.ESCALATED, 3_500, "cy")
NEVER_SAW = fact(FactKind.APPEALED, 7_000, detail="never_saw")
FALSE = fact(FactKind.APPEALED, 7_000, detail="false_alarm")


def ruled(detail: str, by: str = "boss") -> Fact:
    return fact(FactKind.APPEAL_RULED, 8_000, detail=detail, by=by)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ([DELIVERED, SEEN, ACTED], Verdict.MET),
        ([DELIVERED, SEEN, fact(FactKind.ACTED, 4_000, "bob")], Verdict.COVERED),
        ([DELIVERED, fact(FactKind.DECLINED, 4_000)], Verdict.ANSWERED),
        ([DELIVERED, SEEN], Verdict.MISSED),
        ([DELIVERED, SEEN, LATE], Verdict.LATE),
        ([SEEN], Verdict.MISSED),
        ([], Verdict.UNDELIVERED),
        ([fact(FactKind.DELIVERED, 2_000, "bob")], Verdict.UNDELIVERED),
        ([DELIVERED], Verdict.UNSEEN),
        ([DELIVERED, LATE], Verdict.UNSEEN),
        ([DELIVERED, fact(FactKind.SEEN, 5_001), LATE], Verdict.UNSEEN),
        ([fact(FactKind.SEEN, 4_600)], Verdict.TOO_SHORT),
        ([DELIVERED, SEEN, NEVER_SAW], Verdict.UNDER_APPEAL),
        ([DELIVERED, SEEN, NEVER_SAW, ruled("granted")], Verdict.NEVER_SAW),
        ([DELIVERED, SEEN, NEVER_SAW, ruled("refused")], Verdict.MISSED),
        ([DELIVERED, SEEN, NEVER_SAW, ruled("granted", by="ann")], Verdict.UNDER_APPEAL),
        ([DELIVERED, SEEN, ruled("granted"), NEVER_SAW], Verdict.NEVER_SAW),
        ([DELIVERED, SEEN, FALSE, ruled("granted")], Verdict.FALSE_ALARM),
        ([DELIVERED, SEEN, FALSE, ruled("refused")], Verdict.MISSED),
        ([DELIVERED, SEEN, LATE, FALSE, ruled("granted")], Verdict.FALSE_ALARM),
        ([DELIVERED, SEEN, fact(FactKind.VOIDED, 4_000, "")], Verdict.WITHDRAWN),
        ([DELIVERED, SEEN, fact(FactKind.VOIDED, 6_000, "")], Verdict.WITHDRAWN),
        ([fact(FactKind.VOIDED, 4_000, "", "false_alarm")], Verdict.FALSE_ALARM),
    ],
)
def test_verdict_of_a_single_owner(facts: list[Fact], verdict: Verdict) -> None:
    assert verdicts(*facts) == [("ann", verdict)]


def test_while_it_is_open_nothing_is_said() -> None:
    assert verdicts(DELIVERED, SEEN, now_ms=4_999) == [("ann", Verdict.PENDING)]


@pytest.mark.parametrize(
    ("working", "verdict"),
    [
        ((), Verdict.OUTSIDE_HOURS),
        (((0, 2_900), (5_000, 9_000)), Verdict.OUTSIDE_HOURS),
        (((4_600, 9_000),), Verdict.TOO_SHORT),
        (((4_500, 9_000),), Verdict.MISSED),
    ],
)
def test_only_the_owners_own_hours_count(
    working: tuple[tuple[int, int], ...], verdict: Verdict
) -> None:
    terms = held("ann", replace(ALWAYS, working=working))
    assert verdicts(terms, fact(FactKind.SEEN, 2_950)) == [("ann", verdict)]


def test_a_deadline_shorter_than_fair_is_held_to_as_a_whole() -> None:
    patient = held("ann", replace(ALWAYS, fair_ms=60_000))
    assert verdicts(patient, fact(FactKind.SEEN, 1_000)) == [("ann", Verdict.MISSED)]
    assert verdicts(patient, fact(FactKind.SEEN, 1_001)) == [("ann", Verdict.TOO_SHORT)]


def test_whoever_passes_it_on_is_out_of_it() -> None:
    assert verdicts(DELIVERED, SEEN, TO_BOB) == [
        ("ann", Verdict.HANDED_ON),
        ("bob", Verdict.UNDELIVERED),
    ]
    seen = fact(FactKind.SEEN, 3_600, "bob")
    assert verdicts(DELIVERED, SEEN, TO_BOB, seen)[1] == ("bob", Verdict.MISSED)


def test_who_saw_it_and_let_it_be_escalated_has_missed_it() -> None:
    assert verdicts(DELIVERED, SEEN, UP_TO_CY, fact(FactKind.ACTED, 4_000, "cy")) == [
        ("ann", Verdict.MISSED),
        ("cy", Verdict.MET),
    ]
    assert verdicts(DELIVERED, UP_TO_CY)[0] == ("ann", Verdict.UNSEEN)


def test_what_is_past_due_stays_with_its_owner() -> None:
    late = fact(FactKind.HANDED_OVER, 5_000, "bob", by="ann")
    assert verdicts(DELIVERED, SEEN, late) == [("ann", Verdict.MISSED)]


def test_time_goes_to_each_owner() -> None:
    back = fact(FactKind.HANDED_OVER, 4_000, "ann", by="bob")
    done = fact(FactKind.ACTED, 4_400)
    spent = [(one.person_id, one.from_ms, one.to_ms) for one in owners(SEEN, TO_BOB, back, done)]
    assert spent == [("ann", 1_000, 3_500), ("bob", 3_500, 4_000), ("ann", 4_000, 4_400)]


def test_terms_move_the_deadline_but_never_before_the_alerts() -> None:
    later = replace(ALWAYS, due_at_ms=8_000)
    assert fold(TERMS, [held("ann", later)], 7_999).state is State.OPEN
    assert fold(TERMS, [held("ann", later), LATE], 9_000).state is State.ACTED
    assert fold(TERMS, [held("ann", replace(ALWAYS, due_at_ms=10))], 4_999).due_at_ms == 5_000
    assert fold(TERMS, [held("bob", later)], 9_000).due_at_ms == 5_000
    second = replace(held("ann", later), id="another", at_ms=1_200)
    assert fold(TERMS, [second, held("ann")], 9_000).due_at_ms == 5_000


def test_an_act_that_is_too_late_no_longer_redeems() -> None:
    terms = held("ann", replace(ALWAYS, late_until_ms=5_999))
    assert fold(TERMS, [terms, DELIVERED, LATE], 9_000).state is State.IGNORED


def test_appeals_are_told_of_their_owner() -> None:
    (ann,) = owners(DELIVERED, SEEN, NEVER_SAW, FALSE)
    assert (ann.appeal, ann.appeal_reason) == (AppealState.OPEN, "false_alarm")


@pytest.mark.parametrize(
    ("facts", "right"),
    [
        ([], None),
        ([fact(FactKind.FEEDBACK, 2_000, detail="right")], True),
        ([fact(FactKind.FEEDBACK, 2_000, detail="right"), FALSE], True),
        (
            [
                fact(FactKind.FEEDBACK, 2_000, detail="right"),
                fact(FactKind.FEEDBACK, 2_001, detail="wrong"),
            ],
            False,
        ),
        ([fact(FactKind.FEEDBACK, 2_000, detail="maybe")], None),
        ([FALSE], False),
        ([FALSE, ruled("refused")], None),
        ([fact(FactKind.DECLINED, 2_000, detail="false_alarm")], False),
        ([fact(FactKind.DECLINED, 2_000, detail="not_now")], None),
        ([fact(FactKind.VOIDED, 2_000, detail="false_alarm")], False),
    ],
)
def test_whether_the_emotion_was_right(facts: list[Fact], right: bool | None) -> None:
    assert fold(TERMS, facts, 0).right is right


PEOPLE = ("", "ann", "bob", "cy")
DETAILS = ("", "never_saw", "false_alarm", "granted", "refused", "right", "wrong")
SPANS = st.lists(st.integers(0, 9_000), max_size=6, unique=True).map(
    lambda moments: tuple(zip(sorted(moments)[::2], sorted(moments)[1::2], strict=False))
)
OWNER_TERMS = st.builds(
    OwnerTerms,
    due_at_ms=st.integers(0, 8_000),
    late_until_ms=st.integers(1, 12_000),
    team=st.sampled_from(("", "sales")),
    working=SPANS,
    fair_ms=st.integers(0, 3_000),
    source=st.just("builtin"),
)
KINDS = st.sampled_from([kind for kind in FactKind if kind is not FactKind.TERMS_SET])
SAID = st.builds(
    Fact,
    id=st.integers(0, 10**9).map(str),
    kind=KINDS,
    at_ms=st.integers(0, 10_000),
    person_id=st.sampled_from(PEOPLE),
    by_person_id=st.sampled_from(PEOPLE),
    detail=st.sampled_from(DETAILS),
)
SET = st.builds(
    Fact,
    id=st.integers(0, 10**9).map(str),
    kind=st.just(FactKind.TERMS_SET),
    at_ms=st.integers(0, 10_000),
    person_id=st.sampled_from(PEOPLE[1:]),
    terms=OWNER_TERMS,
)
FACTS = st.lists(SAID | SET, max_size=12, unique_by=lambda one: one.id)
MOMENTS = st.integers(0, 14_000)


@given(FACTS, MOMENTS)
def test_the_slow_twin_says_the_same(facts: list[Fact], now_ms: int) -> None:
    history = fold(TERMS, facts, now_ms)
    told = [
        (one.person_id, one.from_ms, one.to_ms, one.verdict)
        for one in owners_of(TERMS, facts, history)
    ]
    assert (history.state, told) == judge_slowly(TERMS, facts, now_ms)


@given(FACTS, MOMENTS, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_and_repetition_change_nothing(
    facts: list[Fact], now_ms: int, random: object, times: int
) -> None:
    shuffled = facts * times
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    history = fold(TERMS, facts, now_ms)
    again = fold(TERMS, shuffled, now_ms)
    assert again == history
    assert owners_of(TERMS, shuffled, again) == owners_of(TERMS, facts, history)


@given(FACTS, MOMENTS)
def test_times_of_the_owners_add_up(facts: list[Fact], now_ms: int) -> None:
    history = fold(TERMS, facts, now_ms)
    found = owners_of(TERMS, facts, history)
    assert found[0].from_ms == TERMS.decided_at_ms
    for one, other in pairwise(found):
        assert one.to_ms == other.from_ms
        assert one.person_id != other.person_id
    assert found[-1].to_ms == history.closed_at_ms
    if history.closed_at_ms is not None:
        spent = sum((one.to_ms or 0) - one.from_ms for one in found)
        assert spent == history.closed_at_ms - TERMS.decided_at_ms
    assert all(one.working_ms >= 0 for one in found)


@given(FACTS, MOMENTS)
def test_blame_has_its_grounds(facts: list[Fact], now_ms: int) -> None:
    history = fold(TERMS, facts, now_ms)
    for one in owners_of(TERMS, facts, history):
        if one.verdict.blames:
            assert one.delivered_at_ms is not None
            assert one.seen_at_ms is not None
            assert one.seen_at_ms <= history.due_at_ms
            assert one.working_ms > 0
            assert one.appeal in (AppealState.NONE, AppealState.REFUSED)
            assert not history.false_alarm
            assert history.closed_at_ms is not None or one.to_ms is not None


@given(FACTS, st.integers(8_000, 14_000))
def test_past_every_deadline_it_has_ended_once(facts: list[Fact], now_ms: int) -> None:
    history = fold(TERMS, facts, now_ms)
    assert history.state in {*FINAL, State.IGNORED}
    assert not FINAL.intersection(step.state for step in history.steps[:-1])
    assert Verdict.PENDING not in {one.verdict for one in owners_of(TERMS, facts, history)}


def test_every_verdict_has_a_sentence_and_one_side() -> None:
    assert all(verdict.why.endswith(".") for verdict in Verdict)
    assert not BLAME & EXCUSED
