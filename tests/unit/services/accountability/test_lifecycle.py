"""The fold of facts into a history, by hand and by Hypothesis."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accountability.facts import Fact, FactKind, Terms
from services.accountability.lifecycle import FINAL, State, Step
from services.accountability.lifecycle import fold as folded

TERMS = Terms(decided_at_ms=1_000, due_at_ms=5_000, person_id="ceo")
RANK = {
    State.OPEN: 0,
    State.DELIVERED: 1,
    State.SEEN: 2,
    State.IGNORED: 3,
    **dict.fromkeys(FINAL, 4),
}
FACTS = st.lists(
    st.builds(
        Fact,
        id=st.sampled_from([f"f{number}" for number in range(8)]),
        kind=st.sampled_from(FactKind),
        at_ms=st.integers(0, 10_000),
    ),
    max_size=8,
    unique_by=lambda fact: fact.id,
)
MOMENTS = st.integers(0, 12_000)


def fold(terms: Terms, facts: list[Fact], now_ms: int) -> tuple[Step, ...]:
    return folded(terms, facts, now_ms).steps


def states(facts: list[Fact], now_ms: int = 0) -> list[State]:
    return [step.state for step in fold(TERMS, facts, now_ms)]


def fact(kind: FactKind, at_ms: int) -> Fact:
    return Fact(f"{kind.name}-{at_ms}", kind, at_ms)


DELIVERED = fact(FactKind.DELIVERED, 2_000)
SEEN = fact(FactKind.SEEN, 3_000)
ACTED = fact(FactKind.ACTED, 4_000)
DECLINED = fact(FactKind.DECLINED, 4_500)
LATE_ACT = fact(FactKind.ACTED, 6_000)


@pytest.mark.parametrize(
    ("facts", "now_ms", "last"),
    [
        ([], 4_999, State.OPEN),
        ([], 5_000, State.EXPIRED),
        ([DELIVERED], 4_999, State.DELIVERED),
        ([DELIVERED], 5_000, State.IGNORED),
        ([DELIVERED, SEEN], 4_999, State.SEEN),
        ([DELIVERED, SEEN], 9_000, State.IGNORED),
        ([DELIVERED, SEEN, ACTED], 9_000, State.ACTED),
        ([ACTED], 0, State.ACTED),
        ([fact(FactKind.ACTED, 5_000)], 9_000, State.ACTED),
        ([DELIVERED, DECLINED], 9_000, State.DECLINED),
        ([ACTED, DECLINED], 9_000, State.ACTED),
        ([DELIVERED, LATE_ACT], 0, State.ACTED_LATE),
        ([DELIVERED, fact(FactKind.DECLINED, 6_000)], 9_000, State.IGNORED),
        ([LATE_ACT], 9_000, State.EXPIRED),
        ([fact(FactKind.DELIVERED, 6_000)], 0, State.EXPIRED),
    ],
)
def test_last_state(facts: list[Fact], now_ms: int, last: State) -> None:
    assert states(facts, now_ms)[-1] is last


def test_history_names_what_moved_it() -> None:
    assert fold(TERMS, [LATE_ACT, SEEN, DELIVERED], 7_000) == (
        Step(State.OPEN, 1_000),
        Step(State.DELIVERED, 2_000, DELIVERED.id),
        Step(State.SEEN, 3_000, SEEN.id),
        Step(State.IGNORED, 5_000),
        Step(State.ACTED_LATE, 6_000, LATE_ACT.id),
    )


def test_fact_from_a_clock_behind_does_not_precede_the_decision() -> None:
    history = fold(TERMS, [fact(FactKind.DELIVERED, 10)], 0)
    assert [step.at_ms for step in history] == [1_000, 1_000]


@given(FACTS, MOMENTS, st.randoms(), st.integers(1, 3))
def test_order_and_repetition_change_nothing(
    facts: list[Fact], now_ms: int, random: object, times: int
) -> None:
    shuffled = facts * times
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(TERMS, shuffled, now_ms) == fold(TERMS, facts, now_ms)


@given(FACTS, MOMENTS)
def test_one_final_state_at_most_and_it_is_the_last(facts: list[Fact], now_ms: int) -> None:
    history = states(facts, now_ms)
    assert not FINAL.intersection(history[:-1])


@given(FACTS, st.integers(5_000, 12_000))
def test_past_due_is_final_or_ignored(facts: list[Fact], now_ms: int) -> None:
    assert states(facts, now_ms)[-1] in {*FINAL, State.IGNORED}


@given(FACTS, MOMENTS)
def test_steps_go_forward_in_state_and_time(facts: list[Fact], now_ms: int) -> None:
    history = fold(TERMS, facts, now_ms)
    ranks = [RANK[step.state] for step in history]
    moments = [step.at_ms for step in history]
    assert history[0] == Step(State.OPEN, TERMS.decided_at_ms)
    assert ranks == sorted(set(ranks))
    assert moments == sorted(moments)


@given(FACTS, MOMENTS)
def test_times_in_the_states_add_up(facts: list[Fact], now_ms: int) -> None:
    moments = [step.at_ms for step in fold(TERMS, facts, now_ms)]
    spent = [later - earlier for earlier, later in pairwise(moments)]
    assert sum(spent) == moments[-1] - TERMS.decided_at_ms


@given(FACTS, MOMENTS, MOMENTS)
def test_time_alone_never_takes_a_step_back(facts: list[Fact], now_ms: int, later_ms: int) -> None:
    earlier, later = sorted((now_ms, later_ms))
    before, after = fold(TERMS, facts, earlier), fold(TERMS, facts, later)
    assert after[: len(before)] == before


@given(FACTS, MOMENTS, st.sampled_from(FactKind))
def test_what_happens_after_the_end_changes_nothing(
    facts: list[Fact], now_ms: int, kind: FactKind
) -> None:
    history = fold(TERMS, facts, now_ms)
    if history[-1].state in FINAL:
        after = Fact("after", kind, max(20_000, history[-1].at_ms + 1))
        assert fold(TERMS, [*facts, after], now_ms) == history
