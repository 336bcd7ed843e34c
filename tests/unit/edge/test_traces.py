"""Spans made afterwards, for the frames that turned out to matter and for one in many."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1 import detection_service_pb2 as detection
from sentientiq.detection.v1 import emotion_pb2

from edge.traces import FrameTraces
from edge.writer import Appended
from hotpath.columns import from_wire
from services.common import tracing
from tests.unit.services.common.test_tracing import EMOTION, Recorded

T0_MS = 1_700_000_000_000
MS = 1_000_000


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorder = Recorded()
    tracing.use(recorder)
    yield recorder
    tracing.use(None)


def frame(seq: int, *events: list[object], received_ms: int | None = None) -> BehaviorBatch:
    """A frame that left the page with its last event and took 5 ms."""
    columns = from_wire(list(events) or [[2, 0, 1, 1]], {})
    t0_ms = T0_MS + 100 * seq
    arrived_ms = t0_ms + columns.duration_ms + 5 if received_ms is None else received_ms
    return BehaviorBatch(
        tenant_id="acme",
        session_id="s1",
        stream_id="p1",
        seq=seq,
        t0_ms=t0_ms,
        count=columns.count,
        columns=columns.blob,
        received_at_ns=arrived_ms * MS,
    )


def appended(offset: int, *batches: BehaviorBatch) -> Appended:
    last_ns = max(batch.received_at_ns for batch in batches)
    return Appended(
        7, offset, [batch.SerializeToString() for batch in batches], last_ns + MS, last_ns + 3 * MS
    )


def emotion(*evidence: tuple[int, int], rev: int = 1) -> emotion_pb2.Emotion:
    return emotion_pb2.Emotion(
        id=EMOTION,
        rev=rev,
        tenant_id="acme",
        session_id="s1",
        stream_id="p1",
        kind=emotion_pb2.EMOTION_KIND_RAGE,
        evidence=[emotion_pb2.EvidenceRef(seq=seq, index=index) for seq, index in evidence],
        occurred_at_ms=T0_MS + 500,
        detected_at_ms=T0_MS + 510,
    )


def test_frames_behind_an_emotion_get_their_spans(recorded: Recorded) -> None:
    traces = FrameTraces()
    traces.appended([appended(1, frame(1)), appended(2, frame(2, [2, 0, 1, 1], [3, 40, 5, 5, 0]))])
    traces.sent([detection.EncodedPartitionEntry(partition=7, offset=2)])
    assert recorded.spans == []

    traces.behind(emotion((2, 1)), here=True)
    assert [span["name"] for span in recorded.spans] == [
        *("presses", "press", "edge.frame", "log.append", "detection.send")
    ]
    root, press, of_frame, append, _sent = recorded.spans
    pressed_ns = (T0_MS + 240) * MS
    assert root["at"] == tracing.of_presses(EMOTION)
    assert root["parent"] is None
    assert (root["start"], press["start"]) == (pressed_ns, pressed_ns)
    assert press["end"] == of_frame["start"] == pressed_ns + 5 * MS
    assert of_frame["end"] == append["end"] == pressed_ns + 8 * MS
    assert press["parent"] == root["at"]
    assert of_frame["parent"] == press["at"]
    assert append["parent"] == of_frame["at"]


def test_a_revision_adds_only_what_is_new(recorded: Recorded) -> None:
    traces = FrameTraces()
    traces.appended([appended(seq, frame(seq)) for seq in (1, 2, 3)])
    traces.behind(emotion((1, 0), (2, 0)), here=True)
    before = len(recorded.spans)
    traces.behind(emotion((1, 0), (2, 0), (3, 0), rev=2), here=True)
    added = recorded.spans[before:]
    assert [span["name"] for span in added] == ["press", "edge.frame", "log.append"]
    assert added[1]["attributes"]["seq"] == 3


def test_the_edge_without_frames_or_visitor_stays_quiet(recorded: Recorded) -> None:
    FrameTraces().behind(emotion((1, 0)), here=False)
    assert recorded.spans == []


def test_the_edge_that_has_only_the_visitor_makes_the_beginning(recorded: Recorded) -> None:
    FrameTraces().behind(emotion((1, 0)), here=True)
    (root,) = recorded.spans
    assert root["at"] == tracing.of_presses(EMOTION)
    assert (root["start"], root["end"]) == ((T0_MS + 500) * MS, (T0_MS + 510) * MS)


def test_a_page_ahead_of_our_clock_does_not_turn_time_around(recorded: Recorded) -> None:
    traces = FrameTraces()
    traces.appended([appended(1, frame(1, [3, 0, 5, 5, 0], received_ms=T0_MS + 90))])
    traces.behind(emotion((1, 0)), here=True)
    by_id = {span["at"]: span for span in recorded.spans}
    for span in recorded.spans:
        assert span["start"] <= span["end"]
        if span["parent"] is not None:
            assert by_id[span["parent"]]["start"] <= span["start"]


def test_one_frame_in_many_is_traced_alone(recorded: Recorded) -> None:
    traces = FrameTraces(pick_every=10)
    ticks = BehaviorBatch(tenant_id="acme", session_id="s1", stream_id="p1", t0_ms=T0_MS)
    for seq in range(1, 31):
        traces.appended(
            [Appended(7, seq, [frame(seq).SerializeToString(), ticks.SerializeToString()], 0, 1)]
        )
    roots = [span for span in recorded.spans if span["parent"] is None]
    assert [span["attributes"]["seq"] for span in roots] == [10, 20, 30]
    assert len({span["at"].trace for span in roots}) == 3
