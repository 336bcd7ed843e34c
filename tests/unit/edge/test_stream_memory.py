"""What a worker remembers of streams, and for how long."""

from __future__ import annotations

from edge.streams import KEPT_S, StreamMemory


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Connected:
    """Somebody who is told of acknowledgements."""

    def acknowledged(self, seq: int) -> None:
        """Nobody looks at them here."""


def test_a_stream_that_comes_back_is_known() -> None:
    clock = Clock()
    memory = StreamMemory(clock=clock)
    memory.record("t", "s", "p").accepted = 7
    clock.now_s += KEPT_S - 1
    assert memory.record("t", "s", "p").accepted == 7
    clock.now_s += KEPT_S - 1
    memory.record("t", "s", "other")
    assert memory.record("t", "s", "p").accepted == 7


def test_what_nobody_asked_for_in_half_an_hour_is_forgotten() -> None:
    clock = Clock()
    memory = StreamMemory(clock=clock)
    for number in range(100):
        memory.record("t", "s", f"p{number}")
    clock.now_s += KEPT_S + 1
    for number in range(40):
        memory.record("t", "s", f"q{number}")
    assert len(memory) == 40
    assert memory.record("t", "s", "p1").accepted == 0


def test_a_steady_crowd_that_comes_and_goes_is_level() -> None:
    clock = Clock()
    memory = StreamMemory(clock=clock)
    sizes: list[int] = []
    for number in range(8_000):
        memory.record("t", f"s{number}", "p")
        clock.now_s += 1.0
        sizes.append(len(memory))
    assert set(sizes[4_000:]) == {int(KEPT_S)}


def test_one_that_is_connected_stays() -> None:
    clock = Clock()
    memory = StreamMemory(capacity=3, clock=clock)
    here = memory.record("t", "s", "here")
    here.connection, here.accepted = Connected(), 5
    for number in range(50):
        memory.record("t", "s", f"p{number}")
        clock.now_s += KEPT_S / 2
    assert len(memory) <= 3
    assert memory.record("t", "s", "here") is here


def test_one_that_was_connected_for_long_may_come_back() -> None:
    clock = Clock()
    memory = StreamMemory(clock=clock)
    record = memory.record("t", "s", "here")
    record.connection = Connected()
    clock.now_s += 3 * KEPT_S
    record.left(clock.now_s)
    clock.now_s += KEPT_S - 1
    memory.record("t", "s", "other")
    assert memory.record("t", "s", "here") is record


def test_beyond_the_capacity_the_oldest_make_room() -> None:
    memory = StreamMemory(capacity=3, clock=Clock())
    for number in range(5):
        memory.record("t", "s", f"p{number}").accepted = number + 1
    assert len(memory) == 3
    assert memory.record("t", "s", "p4").accepted == 5
    assert memory.record("t", "s", "p0").accepted == 0


def test_if_all_are_connected_none_is_forgotten() -> None:
    clock = Clock()
    memory = StreamMemory(capacity=2, clock=clock)
    for number in range(6):
        memory.record("t", "s", f"p{number}").connection = Connected()
        clock.now_s += KEPT_S
    assert len(memory) == 6
