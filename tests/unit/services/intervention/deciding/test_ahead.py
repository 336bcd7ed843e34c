"""When a group that was judged ahead is taken, and when it is not."""

from __future__ import annotations

from dataclasses import replace

from services.intervention.deciding.ahead import Ahead
from services.intervention.deciding.gather import Case
from services.intervention.deciding.memory import Memory
from services.intervention.store.decisions import State
from tests.integration.deciding import case, court
from tests.unit.services.intervention.policy.cases import HELP, policy, rule

POLICY = policy(rule("r", HELP))
KNOWN = {("t", f"session/s{number}"): State() for number in range(4)}


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now_ms


def asked(number: int) -> Case:
    """An emotion of a visit."""
    return case(POLICY, tenant="t", session=f"s{number}")


def ahead(memory: Memory | None = None, clock: Clock | None = None, most: int = 256) -> Ahead:
    """One that nothing was shown before."""
    memory = Memory() if memory is None else memory
    return Ahead(court(), memory, clock or Clock(), shown=lambda _: None, most=most)


def test_nothing_is_heard_before_a_group_is_written() -> None:
    one = ahead()
    heard = asked(1)
    one.hear(heard)
    assert one.take([heard]) is None


def test_just_these_cases_in_their_order() -> None:
    first, second, third = asked(1), asked(2), asked(3)
    for taken, is_taken in (
        ([first, second], True),
        ([first], False),
        ([second, first], False),
        ([first, third], False),
        ([first, second, third], False),
        ([first, replace(second)], False),
        ([], False),
    ):
        one = ahead()
        one.begin(KNOWN)
        one.hear(first)
        one.hear(second)
        docket = one.take(taken)
        assert (docket is not None) == is_taken
        if docket is not None:
            assert list(docket.made) == [first.id, second.id]
        assert one.take([first, second]) is None, "it can be taken once"


def test_it_ends_at_one_that_cannot_be_judged() -> None:
    again = asked(2)
    again = replace(again, emotion=type(again.emotion)())
    again.emotion.CopyFrom(asked(2).emotion)
    again.emotion.rev = 2
    for bad in (again, asked(9)):  # something may be known of it; and a visit nobody has met
        one, first, last = ahead(), asked(1), asked(3)
        one.begin(KNOWN)
        for heard in (first, bad, last):
            one.hear(heard)
        assert one.take([first, bad, last]) is None
        assert one.take([first]) is None


def test_what_raises_is_left_to_its_group() -> None:
    one, first = ahead(), asked(1)
    elsewhere = replace(first, emotion=type(first.emotion)())
    elsewhere.emotion.CopyFrom(first.emotion)
    elsewhere.emotion.session_id = "s2"
    elsewhere = replace(elsewhere)
    assert elsewhere.id == first.id
    one.begin(KNOWN)
    one.hear(first)
    one.hear(elsewhere)
    assert one.take([first, elsewhere]) is None


def test_memory_serves_for_whom_the_group_before_had_nothing_to_do_with() -> None:
    memory, heard = Memory(), asked(7)
    memory.keep({("t", "session/s7"): State(b"{}", 3, 5)})
    one = ahead(memory)
    one.begin(KNOWN)
    one.hear(heard)
    docket = one.take([heard])
    assert docket is not None
    assert docket.states == {("t", "session/s7"): State(b"{}", 3, 5)}


def test_what_was_supposed_counts_until_it_is_written() -> None:
    one, first, second = ahead(), asked(1), asked(2)
    one.begin(KNOWN)
    one.hear(first)
    one.settle()
    one.hear(second)
    assert one.take([first, second]) is None, "memory does not know the second"


def test_what_waits_for_long_is_judged_anew() -> None:
    for waits_ms, is_taken in ((100, True), (101, False)):
        clock = Clock()
        one, heard = ahead(clock=clock), asked(1)
        one.begin(KNOWN)
        one.hear(heard)
        clock.now_ms += waits_ms
        assert (one.take([heard]) is not None) == is_taken


def test_no_more_than_one_group() -> None:
    one, cases = ahead(most=2), [asked(number) for number in range(3)]
    one.begin(KNOWN)
    for heard in cases:
        one.hear(heard)
    docket = one.take(cases[:2])
    assert docket is not None
    assert list(docket.made) == [heard.id for heard in cases[:2]]
