"""What a writer remembers of guards, and when it does not trust it."""

from __future__ import annotations

from services.intervention.deciding.memory import MOST, Memory
from services.intervention.store.decisions import GuardKey, State

ONE: GuardKey = ("t", "session/1")
TWO: GuardKey = ("t", "session/2")


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_all_or_nothing() -> None:
    memory = Memory(Clock())
    memory.keep({ONE: State(b"1", 1, 5)})
    assert memory.recall([ONE]) == {ONE: State(b"1", 1, 5)}
    assert memory.recall([ONE, TWO]) is None
    memory.keep({TWO: State()})  # that there is no row is something to know, too
    assert memory.recall([ONE, TWO]) == {ONE: State(b"1", 1, 5), TWO: State()}


def test_a_minute_is_the_most() -> None:
    clock = Clock()
    memory = Memory(clock)
    memory.keep({ONE: State(b"1", 1, 5)})
    clock.now += 59
    assert memory.recall([ONE]) is not None
    clock.now += 2
    assert memory.recall([ONE]) is None
    memory.keep({TWO: State()})
    assert len(memory) == 1, "what nobody may read any more is gone"


def test_what_is_doubted_is_gone_until_it_is_read_again() -> None:
    memory = Memory(Clock())
    memory.keep({ONE: State(b"1", 1, 5)})
    assert memory.doubt([ONE, TWO]) == {ONE: State(b"1", 1, 5)}
    assert memory.recall([ONE]) is None


def test_what_others_change_too_is_not_remembered_for_ten_seconds() -> None:
    clock = Clock()
    memory = Memory(clock)
    read = {ONE: State(b"3", 3, 7), TWO: State(b"1", 1, 5)}
    memory.compare({ONE: State(b"2", 2, 6), TWO: State(b"1", 1, 5)}, read)
    memory.keep(read)
    assert memory.recall([ONE]) is None
    assert memory.recall([TWO]) == {TWO: State(b"1", 1, 5)}
    clock.now += 11
    memory.keep(read)
    assert memory.recall([ONE]) == {ONE: State(b"3", 3, 7)}


def test_only_so_many() -> None:
    memory = Memory(Clock())
    for number in range(MOST + 5):
        memory.keep({("t", f"session/{number}"): State()})
    assert len(memory) == MOST
    assert memory.recall([("t", "session/0")]) is None
    assert memory.recall([("t", f"session/{MOST}")]) is not None
