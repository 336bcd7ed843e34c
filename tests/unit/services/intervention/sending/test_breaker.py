"""Destinations that are left alone, and for how long."""

from __future__ import annotations

import pytest

from services.intervention.sending.breaker import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    THRESHOLD,
    Breaker,
)
from services.intervention.sending.lanes import ROOM, full_lanes


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def trip(breaker: Breaker) -> float:
    for _ in range(THRESHOLD - 1):
        assert breaker.ill("host:443") is None
    pause_s = breaker.ill("host:443")
    assert pause_s is not None
    return pause_s


def test_five_failures_in_a_row_open_it_for_this_destination_only(breaker: Breaker) -> None:
    breaker.ill("other:443")
    pause_s = trip(breaker)
    assert FIRST_PAUSE_S / 2 <= pause_s <= FIRST_PAUSE_S
    assert breaker.shut() == ["host:443"]
    assert (breaker.open, breaker.opened) == (1, 1)


def test_an_answer_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    for _ in range(THRESHOLD - 1):
        breaker.ill("host:443")
    breaker.well("host:443")
    breaker.ill("host:443")
    assert breaker.shut() == []


def test_after_the_pause_one_claim_probes(breaker: Breaker, clock: Clock) -> None:
    clock.now_s += trip(breaker)
    assert breaker.shut() == []
    breaker.claimed("host:443")
    assert breaker.shut() == ["host:443"]
    breaker.well("host:443")
    assert breaker.shut() == []
    assert breaker.ill("host:443") is None


def test_probes_that_fail_double_the_pause_up_to_a_minute(breaker: Breaker, clock: Clock) -> None:
    clock.now_s += trip(breaker)
    longest_s = FIRST_PAUSE_S
    for _ in range(12):
        longest_s = min(longest_s * 2, LONGEST_PAUSE_S)
        breaker.claimed("host:443")
        pause_s = breaker.ill("host:443")
        assert pause_s is not None
        assert longest_s / 2 <= pause_s <= longest_s
        clock.now_s += pause_s
    assert longest_s == LONGEST_PAUSE_S


def test_a_straggler_does_not_lengthen_the_pause(breaker: Breaker) -> None:
    trip(breaker)
    assert breaker.ill("host:443") is None
    assert breaker.opened == 1


def test_a_probe_that_came_to_nothing_makes_room_for_another(
    breaker: Breaker, clock: Clock
) -> None:
    clock.now_s += trip(breaker)
    breaker.claimed("host:443")
    breaker.left("host:443")
    assert breaker.shut() == []


def test_an_address_is_held_as_long_as_it_asked(breaker: Breaker, clock: Clock) -> None:
    breaker.hold("hash", 7.0)
    breaker.hold("hash", 2.0)
    clock.now_s += 6.9
    assert breaker.held() == ["hash"]
    clock.now_s += 0.2
    assert breaker.held() == []


def test_a_lane_never_takes_the_room_of_more_urgent_ones() -> None:
    assert full_lanes({}) == []
    assert full_lanes({3: ROOM[3]}) == [3]
    assert full_lanes({2: ROOM[2] - ROOM[3], 3: ROOM[3]}) == [2, 3]
    assert full_lanes({0: ROOM[0]}) == [0]
    assert ROOM[0] > ROOM[1] > ROOM[2] > ROOM[3]
