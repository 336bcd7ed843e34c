"""Visits of several streams through a real detector, cut into batches anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hotpath.columns import from_wire
from hotpath.detector import Detector, Scores
from hotpath.events import EventKind
from hotpath.recording import FLAGS, event_of_line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

T0 = 1_700_000_000_000
IDLE_MS = 120_000
Line = dict[str, object]
"""An event of a recording with `dt` (ms since the one before) in place of `t`. The type `advance`
is the clock alone."""


class Told(NamedTuple):
    """An emission, its evidence as positions in the visit."""

    stream: str
    episode: int
    rev: int
    confidence: int
    trigger: str
    t: int
    evidence: list[int]
    element: str
    terms: dict[str, float]


class _Run:
    def __init__(self, targets: Mapping[str, Collection[str]], pointer: int) -> None:
        self.detector = Detector(64)
        self.pointer = pointer
        self.numbers = {name: i for i, name in enumerate(targets, 1)}
        self.table = {
            i: (name, sum(FLAGS[flag] for flag in targets[name]))
            for name, i in self.numbers.items()
        }
        self.seqs: dict[str, int] = {}
        self.places: dict[tuple[str, int, int], int] = {}

    def apply(self, stream: str, batch: Sequence[tuple[int, int, Line]]) -> None:
        seq = self.seqs[stream] = self.seqs.get(stream, 0) + 1
        start = before = batch[0][1]
        wire: list[list[object]] = []
        for i, (place, t, line) in enumerate(batch):
            self.places[stream, seq, i] = place
            kind = EventKind[str(line["type"]).upper()]
            target = self.numbers.get(str(line.get("target")), 0)
            wire.append(event_of_line(line, kind, t - before, target))
            before = t
        columns = from_wire(wire, self.table)
        self.detector.apply(
            "t", "s", stream, seq, start, self.pointer, "", columns.blob, columns.targets,
            columns.strings,
        )  # fmt: skip

    def drain(self, emotion: str) -> list[Told]:
        return [
            Told(
                e.stream, e.episode, e.rev, e.confidence, e.trigger, e.occurred_at_ms,
                [self.places[e.stream, seq, i] for seq, i in e.evidence], e.element,
                {name: round(value, 6) for name, value in e.contributions},
            )
            for e in self.detector.drain()
            if e.emotion == emotion
        ]  # fmt: skip


def run(
    visit: Sequence[Line], targets: Mapping[str, Collection[str]], emotion: str, *,
    cuts: Collection[int] = (), restart: int | None = None, off: int | None = None,
    pointer: int = 0,
) -> tuple[list[Told], Scores]:  # fmt: skip
    """Return what a detector tells of an emotion, and the visit's scores.

    A batch ends before the positions in `cuts`, where the stream changes and where the clock
    alone moves. After position `restart` another detector takes over from a snapshot.
    After position `off` the tenant has the emotion switched off.
    """
    running = _Run(targets, pointer)
    told: list[Told] = []
    batch: list[tuple[int, int, Line]] = []
    stream = ""
    t = T0

    def flush() -> None:
        if batch:
            running.apply(stream, batch)
            batch.clear()
            told.extend(running.drain(emotion))

    for place, line in enumerate(visit):
        t += int(str(line["dt"]))
        if line["type"] == "advance" or place in cuts or line.get("stream", "p") != stream:
            flush()
        if line["type"] == "advance":
            for name in running.seqs:
                running.detector.advance("t", "s", name, t)
            told.extend(running.drain(emotion))
        else:
            stream = str(line.get("stream", "p"))
            batch.append((place, t, line))
        if place == restart:
            flush()
            blob = running.detector.snapshot()
            running.detector = Detector(64)
            running.detector.restore(blob)
        if place == off:
            flush()
        if off is not None and place >= off:
            running.detector.configure("t", {emotion: 101}, ())
    flush()
    for name in running.seqs:
        running.detector.advance("t", "s", name, t + IDLE_MS)
    told += running.drain(emotion)
    return told, running.detector.scores("t", "s")
