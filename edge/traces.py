"""What the edge knows about recent frames, for the few that turn out to matter.

A span a frame would cost more than the frame. So the times of recent frames are kept, and when an
emotion names frames as its evidence, or chance picks one, their spans are made afterwards.
Made only where the process traces.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1 import detection_service_pb2 as detection
from sentientiq.detection.v1 import emotion_pb2

from edge.writer import Appended
from hotpath.columns import to_wire
from services.common import tracing
from services.common.tracing import Context

# Some seconds of a worker's busiest, about 1 KB each.
_FRAMES = 65_536
_EMOTIONS = 4_096
_PICK_EVERY = 1_000


@dataclass(slots=True)
class _Entry:
    """One append to one partition, which many frames share."""

    taken_ns: int
    appended_ns: int
    sent_ns: int = 0
    """When it went to detection; 0: not by the fast lane."""


@dataclass(slots=True)
class _Frame:
    batch: BehaviorBatch
    entry: _Entry
    traced: str = ""
    """The emotion whose trace has its spans."""


class FrameTraces:
    """Remembers frames, and makes the spans of those behind an emotion."""

    def __init__(self, *, pick_every: int = _PICK_EVERY) -> None:
        self._frames: OrderedDict[tuple[str, str, str, int], _Frame] = OrderedDict()
        self._entries: OrderedDict[tuple[int, int], _Entry] = OrderedDict()
        self._rooted: OrderedDict[str, None] = OrderedDict()
        self._pick_every = pick_every
        self._seen = 0

    def appended(self, entries: Iterable[Appended]) -> None:
        """Remember the frames of entries that the log has."""
        for item in entries:
            entry = _Entry(item.taken_ns, item.appended_ns)
            self._entries[item.partition, item.offset] = entry
            if len(self._entries) > _FRAMES:
                self._entries.popitem(last=False)
            for value in item.batches:
                batch = BehaviorBatch.FromString(value)
                if batch.received_at_ns:  # else the edge's own: a tick, a marker
                    self._remember(_Frame(batch, entry))

    def _remember(self, frame: _Frame) -> None:
        batch = frame.batch
        self._frames[batch.tenant_id, batch.session_id, batch.stream_id, batch.seq] = frame
        if len(self._frames) > _FRAMES:
            self._frames.popitem(last=False)
        self._seen += 1
        if self._seen % self._pick_every == 0:
            _record_frame(frame, None, tracing.alone())

    def sent(self, entries: Iterable[detection.EncodedPartitionEntry]) -> None:
        """Note that entries went to detection."""
        now_ns = time.time_ns()
        for item in entries:
            entry = self._entries.pop((item.partition, item.offset), None)
            if entry is not None:
                entry.sent_ns = now_ns

    def behind(self, emotion: emotion_pb2.Emotion, *, here: bool) -> None:
        """Make the spans of what led to an emotion.

        Every edge hears of every emotion; the one that had the frames makes the spans.

        Args:
            here: the visitor is live on this worker, so nobody else will have a better beginning.
        """
        stream = (emotion.tenant_id, emotion.session_id, emotion.stream_id)
        presses: dict[int, list[int]] = {}
        for reference in emotion.evidence:
            presses.setdefault(reference.seq, []).append(reference.index)
        found = [
            (frame, _times_ns(frame.batch, indexes))
            for seq, indexes in presses.items()
            if (frame := self._frames.get((*stream, seq))) is not None
        ]
        if not found and not here:
            return
        root = tracing.of_presses(emotion.id)
        self._record_root(root, emotion, found)
        for frame, times_ns in found:
            if frame.traced == emotion.id:
                continue
            frame.traced = emotion.id
            received_ns = frame.batch.received_at_ns
            above = root
            for at_ns in times_ns:
                above = root.fresh()
                tracing.record("press", parent=root, at=above, start_ns=at_ns, end_ns=received_ns)
            _record_frame(frame, above, root.fresh())

    def _record_root(
        self, root: Context, emotion: emotion_pb2.Emotion, found: list[tuple[_Frame, list[int]]]
    ) -> None:
        if emotion.id in self._rooted:
            return
        self._rooted[emotion.id] = None
        if len(self._rooted) > _EMOTIONS:
            self._rooted.popitem(last=False)
        starts = [
            min(time_ns, frame.batch.received_at_ns) for frame, times in found for time_ns in times
        ]
        ends = [frame.batch.received_at_ns for frame, _ in found]
        tracing.record(
            "presses",
            parent=None,
            at=root,
            start_ns=min(starts, default=emotion.occurred_at_ms * 1_000_000),
            end_ns=max(ends, default=emotion.detected_at_ms * 1_000_000),
            tenant=emotion.tenant_id,
            session=emotion.session_id,
            emotion=emotion_pb2.EmotionKind.Name(emotion.kind)
            .removeprefix("EMOTION_KIND_")
            .lower(),
            trigger=emotion.trigger,
            presses=len(emotion.evidence),
        )


def _times_ns(batch: BehaviorBatch, indexes: list[int]) -> list[int]:
    """When events of a frame happened, on the page's clock as corrected by the edge."""
    targets = [(target.descriptor, target.flags) for target in batch.targets]
    elapsed_ms = 0
    at: list[int] = []
    for event in to_wire(batch.columns, targets, list(batch.strings)):
        elapsed_ms += int(str(event[1]))
        at.append((batch.t0_ms + elapsed_ms) * 1_000_000)
    return [at[index] for index in indexes if index < len(at)]


def _record_frame(frame: _Frame, parent: Context | None, at: Context) -> None:
    batch, entry = frame.batch, frame.entry
    tracing.record(
        "edge.frame",
        parent=parent,
        at=at,
        kind="server",
        start_ns=batch.received_at_ns,
        end_ns=entry.appended_ns,
        stream=batch.stream_id,
        seq=batch.seq,
        events=batch.count,
    )
    tracing.record(
        "log.append",
        parent=at,
        kind="producer",
        start_ns=entry.taken_ns,
        end_ns=entry.appended_ns,
        topic="behavior.v1",
    )
    if entry.sent_ns:
        tracing.record(
            "detection.send",
            parent=at,
            kind="client",
            start_ns=entry.appended_ns,
            end_ns=entry.sent_ns,
        )
