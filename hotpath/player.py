"""Plays a recording to a detector as a live site would: events, and timers when they are due.

A stream learns the time from its own events; a page that was left has none any more. On a live site
the edge tells it the time (edge/ticks.py); here the other pages of its session do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hotpath.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotpath.detector import Detector
    from hotpath.recording import RecordedBatch


BATCH_MS: Final = 1_000
"""For `Reader`: other pages of the visit hear the time between batches, so none may last longer."""


class Call(NamedTuple):
    """What a detector is given of a batch, and when the batch ends (epoch ms)."""

    session: str
    stream: str
    seq: int
    t0_ms: int
    pointer: int
    page: str
    blob: bytes
    targets: Sequence[tuple[str, int]]
    strings: Sequence[str]
    last_ms: int
    ends_session: bool


def call_of(batch: RecordedBatch) -> Call:
    """Return the call of a batch, without its events."""
    columns = batch.columns
    return Call(
        batch.session, batch.stream, batch.seq, batch.t0_ms, batch.pointer, batch.page,
        columns.blob, columns.targets, columns.strings, batch.t0_ms + columns.duration_ms,
        any(event[0] == EventKind.SESSION_END for event in batch.events),
    )  # fmt: skip


class Player:
    """Hands one tenant's batches to a detector. Sessions may come one after the other.

    Args:
        detector: whose emissions are left to be drained. Nobody else may take its `wakes`.
        tenant: whose sessions they are.
    """

    def __init__(self, detector: Detector, tenant: str) -> None:
        self._detector = detector
        self._tenant = tenant
        self._due: dict[str, dict[str, int]] = {}
        self._last: dict[str, int] = {}
        self._ended: set[str] = set()

    def take(self, call: Call) -> None:
        """Let go off what is due before the batch, then apply it."""
        self.until(call.session, call.t0_ms)
        self._detector.apply(self._tenant, *call[:9])
        self._last[call.session] = max(self._last.get(call.session, 0), call.last_ms)
        if call.ends_session:
            self.until(call.session, self._last[call.session])
            self._ended.add(call.session)

    def until(self, session: str, t_ms: int) -> None:
        """Let each timer of a session that is due by `t_ms` (epoch ms) go off at its time."""
        while True:
            for _, of, stream, due_ms in self._detector.wakes():
                self._due.setdefault(of, {})[stream] = due_ms
            due = self._due.get(session)
            if not due:
                return
            at, stream = min((at, stream) for stream, at in due.items())
            if at > t_ms:
                return
            del due[stream]
            self._detector.advance(self._tenant, session, stream, at)

    def finish(self, idle_ms: int) -> None:
        """Let time pass after the last of each session that has not ended."""
        for session, last_ms in self._last.items():
            if session not in self._ended:
                self.until(session, last_ms + idle_ms)
