"""A recording cut into the frames that a page would have sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hotpath import fields as table
from hotpath.events import EventKind
from hotpath.recording import Reader, RecordedBatch, open_lines

# The SDK holds events back for at most a second, and these not at all.
_COALESCE_MS = 1_000
_URGENT = {
    EventKind.CLICK,
    EventKind.SUBMIT,
    EventKind.VISIBILITY,
    EventKind.POINTER_EXIT,
    *table.NOT_FROM_CLIENTS,
}
_MOST_BYTES = 60_000


@dataclass(slots=True)
class Frame:
    """Events of one stream that go out together, or one message of another kind."""

    stream: str
    due_ms: int
    """Recorded time of the last event: when the page would have sent it."""
    t0_ms: int
    kind: str = "events"
    page: str = ""
    ptr: str = "mouse"
    events: list[list[Any]] = field(default_factory=list[list[Any]])
    targets: list[tuple[int, str, int]] = field(default_factory=list[tuple[int, str, int]])
    fields: dict[str, Any] = field(default_factory=dict[str, Any])

    def halves(self) -> list[Frame]:
        """Split until it fits into one WebSocket frame of 64 KiB."""
        if len(self.events) < 2 or len(json.dumps([self.events, self.targets])) < _MOST_BYTES:
            return [self]
        middle = len(self.events) // 2
        t = self.t0_ms + sum(event[1] for event in self.events[: middle + 1])
        first = Frame(self.stream, self.due_ms, self.t0_ms, page=self.page, ptr=self.ptr)
        second = Frame(self.stream, self.due_ms, t, page=self.page, ptr=self.ptr)
        first.events = self.events[:middle]
        second.events = [[event[0], 0, *event[2:]] for event in self.events[middle : middle + 1]]
        second.events += self.events[middle + 1 :]
        first.targets = second.targets = self.targets
        return [*first.halves(), *second.halves()]


@dataclass(slots=True)
class Session:
    """One recorded visit."""

    name: str
    start_ms: int
    page: str = "/"
    frames: list[Frame] = field(default_factory=list[Frame])


def read_sessions(paths: list[str]) -> list[Session]:
    """Read recordings whole; sessions of different files are different visits.

    Raises:
        hotpath.recording.RecordingError: a file or line cannot be used.
    """
    sessions: dict[tuple[str, str], Session] = {}
    for path in paths:
        with open_lines(path) as lines:
            for batch in Reader(lines, path):
                session = sessions.setdefault(
                    (path, batch.session), Session(batch.session, batch.t0_ms, batch.page or "/")
                )
                for frame in frames_of(batch):
                    session.frames.extend(frame.halves())
    return list(sessions.values())


def frames_of(batch: RecordedBatch) -> Iterator[Frame]:
    """Cut a batch where the SDK would have sent."""
    t = batch.t0_ms
    frame: Frame | None = None
    for event in batch.events:
        kind = EventKind(int(event[0]))  # type: ignore[call-overload]
        t += int(event[1])  # type: ignore[call-overload]
        if kind in table.NOT_FROM_CLIENTS:
            if frame is not None:
                yield frame
                frame = None
            yield _message(batch, kind, event, t)
            continue
        if frame is not None and t - frame.t0_ms > _COALESCE_MS:
            yield frame
            frame = None
        if frame is None:
            frame = _open(batch, t)
        last = frame.due_ms
        frame.events.append([int(kind), t - last, *event[2:]])
        frame.due_ms = t
        if kind in _URGENT:
            yield frame
            frame = None
    if frame is not None:
        yield frame


def _open(batch: RecordedBatch, t: int) -> Frame:
    return Frame(
        batch.stream,
        t,
        t,
        page=batch.page,
        ptr=table.POINTERS[batch.pointer],
        targets=[(index, name, flags) for index, (name, flags) in batch.targets.items()],
    )


def _message(batch: RecordedBatch, kind: EventKind, event: list[Any], t: int) -> Frame:
    frame = Frame(batch.stream, t, t, kind=kind.name.lower())
    if kind is EventKind.IDENTIFY:
        frame.fields = {"user_id": event[2] if len(event) > 2 else None}
    elif kind is EventKind.CONSENT:
        frame.fields = {"analytics": bool(event[2]), "interventions": bool(event[3])}
    return frame
