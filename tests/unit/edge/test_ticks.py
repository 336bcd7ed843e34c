"""Ticks: for whom, when, and for how long after a page was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sentientiq.detection.v1 import detection_service_pb2 as pb

from edge.hub import Hub
from edge.ticks import Ticker
from hotpath.columns import from_wire
from hotpath.detector import Detector

if TYPE_CHECKING:
    from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

MINUTE = 60_000
T0 = 1_700_000_000_000


class Socket:
    """A connection of one stream, as far as the hub looks at it."""

    key = "pk"
    interventions_allowed = True
    language = zone = ""
    offset_ms = 0.0

    def __init__(self, stream: str) -> None:
        self.stream = stream

    def send(self, text: str) -> None:
        raise AssertionError(f"nothing is sent here, not {text}")

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(f"nothing is closed here: {code} {reason}")


class Edge:
    """A ticker whose clock stands still until it is moved."""

    def __init__(self, capacity: int = 20_000) -> None:
        self.now_ms = T0
        self.hub = Hub()
        self.written: list[BehaviorBatch] = []
        self.ticker = Ticker(
            self.hub, self.written.append, capacity=capacity, clock=lambda: self.now_ms / 1000
        )
        self.sockets: dict[str, Socket] = {}

    def join(self, stream: str = "p") -> None:
        self.sockets[stream] = Socket(stream)
        self.hub.join("t", "s", self.sockets[stream], self.now_ms)

    def leave(self, stream: str = "p") -> None:
        assert self.hub.leave("t", "s", self.sockets.pop(stream))
        self.ticker.left("t", "s", stream)

    def ask(self, due: int, stream: str = "p") -> None:
        wake = pb.Wake(tenant_id="t", session_id="s", stream_id=stream, due_at_ms=T0 + due)
        self.ticker.ask([wake])

    def ticks(self, until: int) -> list[int]:
        """Let time pass in steps of 50 ms or more; return the ticks written, as ms since T0."""
        before = len(self.written)
        step = max(50, (T0 + until - self.now_ms) // 1000)
        while self.now_ms < T0 + until:
            self.now_ms += step
            self.ticker.write_due()
        return [batch.t0_ms - T0 for batch in self.written[before:]]


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_tick_waits_for_frames_under_way(edge: Edge) -> None:
    edge.join()
    edge.ask(1000)
    assert edge.ticks(1050) == []
    assert edge.ticks(1100) == [1000]
    batch = edge.written[0]
    assert (batch.tenant_id, batch.session_id, batch.stream_id, batch.seq) == ("t", "s", "p", 0)


def test_strangers_get_no_tick(edge: Edge) -> None:
    edge.ask(1000)
    edge.join("q")
    edge.ask(1000)
    assert edge.ticks(5000) == []


def test_timer_that_was_moved_is_written_once_where_it_is_now(edge: Edge) -> None:
    edge.join()
    edge.ask(1000)
    edge.ask(3000)
    assert edge.ticks(2000) == []
    assert edge.ticks(9000) == [3000]


def test_earlier_timer_does_not_wait_for_a_later_one(edge: Edge) -> None:
    edge.join()
    edge.ask(30_000)
    edge.ask(200)
    assert edge.ticks(1000) == [200]
    edge.ask(30_000)
    edge.ask(1500)
    edge.ask(30_000)
    assert edge.ticks(20_000) == []
    assert edge.ticks(40_000) == [30_000]
    assert edge.ticks(90_000) == []


def test_first_time_told_again_late_does_not_lose_the_later_one(edge: Edge) -> None:
    edge.join()
    edge.ask(1000)
    edge.ask(3000)
    edge.ask(1000)
    assert edge.ticks(10_000) == [1000, 3000]


def test_stream_that_left_is_ticked_until_its_visit_is_over(edge: Edge) -> None:
    edge.join()
    edge.ask(30_000)
    edge.leave()
    assert edge.ticks(60_000) == [30_000]
    edge.ask(30 * MINUTE)
    assert edge.ticks(31 * MINUTE) == [30 * MINUTE]
    edge.ask(31 * MINUTE + 1)
    assert edge.ticks(40 * MINUTE) == []


def test_stream_that_came_back_is_followed_anew(edge: Edge) -> None:
    edge.join()
    edge.leave()
    edge.ticks(20 * MINUTE)
    edge.join()
    edge.leave()
    edge.ask(50 * MINUTE)
    assert edge.ticks(60 * MINUTE) == [50 * MINUTE]


def test_only_so_many_streams_are_followed() -> None:
    edge = Edge(capacity=2)
    for stream in "abc":
        edge.join(stream)
        edge.leave(stream)
    for stream in "abc":
        edge.ask(1000, stream)
    edge.ticks(2000)
    assert sorted(batch.stream_id for batch in edge.written) == ["b", "c"]


def test_withdrawn_consent_stops_the_ticks_of_the_session(edge: Edge) -> None:
    edge.join()
    edge.ask(1000)
    edge.leave()
    edge.ticker.forget("t", "s")
    assert edge.ticks(5000) == []
    edge.ask(9000)
    assert edge.ticks(20_000) == []


def test_checkout_that_was_closed_is_known_as_abandoned_by_ticks_alone(edge: Edge) -> None:
    detector = Detector()
    c = from_wire([[1, 0, "/checkout", 0], [3, 15_000, 9, 9, 0], [18, 5000, 0]], {})
    edge.join()
    detector.apply("t", "s", "p", 1, T0, 0, "", c.blob, c.targets, c.strings)
    edge.now_ms += 20_000
    edge.leave()
    told: list[tuple[str, int]] = []
    while edge.now_ms < T0 + 40 * MINUTE:
        for _, _, stream, due in detector.wakes():
            edge.ask(due - T0, stream)
        before = len(edge.written)
        edge.ticks(edge.now_ms - T0 + 1000)
        for tick in edge.written[before:]:
            detector.apply("t", "s", "p", 0, tick.t0_ms, 0, "", tick.columns, [], [])
        told += [(e.trigger, (e.occurred_at_ms - T0) // 1000) for e in detector.drain()]
    assert told[0] == ("hidden_long", 50)
    assert told[-1] == ("abandonment_confirmed", 15 + 30 * 60)
    assert len(edge.written) < 10


def test_what_came_due_while_nobody_followed_is_told_when_the_page_comes(edge: Edge) -> None:
    """Its worker died with the timer; this one heard of it too, but had no such page yet."""
    edge.ask(1_000)
    assert edge.ticks(2_000) == []
    edge.join()
    edge.ticker.came("t", "s", "p")
    edge.ticker.came("t", "s", "p")
    assert [batch.t0_ms - T0 for batch in edge.written] == [1_000]


def test_what_was_missed_is_told_after_a_beacon_too(edge: Edge) -> None:
    edge.ask(1_000)
    assert edge.ticks(2_000) == []
    edge.ticker.left("t", "s", "p")
    assert [batch.t0_ms - T0 for batch in edge.written] == [1_000]


def test_a_stream_followed_after_a_beacon_alone_is_ticked(edge: Edge) -> None:
    edge.ticker.left("t", "s", "p")
    edge.ask(1_000)
    assert edge.ticks(2_000) == [1_000]


def test_withdrawn_consent_forgets_what_was_missed(edge: Edge) -> None:
    edge.ask(1_000)
    edge.ticks(2_000)
    edge.ticker.forget("t", "s")
    edge.ticker.came("t", "s", "p")
    assert edge.written == []
