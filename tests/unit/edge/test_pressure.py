"""Short of room, a frame goes on without what says least; nothing else changes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.pressure import SHEDDABLE, Pressure
from edge.session import Session
from hotpath.columns import to_wire
from tests.unit.edge.session_client import NOW, Client, batch_of

REST: dict[int, list[int]] = {2: [1, 1], 5: [10, 100], 6: [0, 1_200], 3: [5, 5, 0], 4: [0], 18: [1]}
"""Kinds of events with what stands after their time."""


def event(kind: int, dt: int) -> list[Any]:
    return [kind, dt, *REST[kind]]


EVENTS = st.lists(st.builds(event, st.sampled_from(sorted(REST)), st.integers(0, 500)), max_size=30)


class Pressed(Client):
    """A client of a worker that is short of room."""

    def __init__(self) -> None:
        super().__init__()
        first = self.session
        self.session = Session(
            memory=first._memory,  # pyright: ignore[reportPrivateUsage]
            resume=first._resume,  # pyright: ignore[reportPrivateUsage]
            sealer=first._sealer,  # pyright: ignore[reportPrivateUsage]
            origin=first._origin,  # pyright: ignore[reportPrivateUsage]
            pressure=Pressure(high=True),
        )


def timed(events: list[list[Any]]) -> list[tuple[int, list[Any]]]:
    """Events with the time of each since the frame's beginning."""
    at, found = 0, list[tuple[int, list[Any]]]()
    for event in events:
        at += event[1]
        found.append((at, [event[0], *event[2:]]))
    return found


@given(EVENTS)
def test_what_is_kept_is_where_it_was(events: list[list[Any]]):
    whole, light = Client().hello(), Pressed().hello()
    for client in (whole, light):
        client.say(type="events", seq=1, t0=NOW, events=events)
    all_of_it, rest = (
        timed(to_wire(batch_of(client.accepted[0]).columns, [], [])) for client in (whole, light)
    )
    assert rest == [(at, event) for at, event in all_of_it if event[0] not in SHEDDABLE]
    assert light.session.counters["shed"] == len(all_of_it) - len(rest)
    assert light.session.record.accepted == 1


def test_a_frame_that_is_refused_is_refused_all_the_same():
    for events in ([[2, 0, 1, 1], [3, "x"]], [[2, "x", 1, 1], [3, 0, 1, 1, 0]], [[], [3, 0]]):
        client = Pressed().hello().say(type="events", seq=1, t0=NOW, events=events)
        assert client.accepted == []
        assert client.last["type"] == "error"


def test_a_kind_that_is_no_number_is_refused():
    client = Pressed().hello()
    client.say_raw(json.dumps({"type": "events", "seq": 1, "t0": NOW, "events": [[[], 0]]}))
    assert client.last["code"] == "bad_kind"


def test_a_broken_clock_is_refused_before_the_log():
    client = Client().hello(clock=1e15)  # the server is long before
    client.clicks(1)
    assert client.accepted == []
    assert client.last["code"] == "bad_time"
    client.say(type="reset", seq=2, t=1)  # what must not be lost is kept, at the edge of time
    assert batch_of(client.accepted[0]).t0_ms == 0


def test_a_seq_beyond_what_detection_keeps_is_refused():
    client = Client().hello().say(type="events", seq=2**32, t0=NOW, events=[])
    assert client.accepted == []
    assert client.last["code"] == "bad_message"
