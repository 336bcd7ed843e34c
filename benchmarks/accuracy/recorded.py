"""A recording, encoded once, to be judged by many models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from hotpath.events import EventKind
from hotpath.recording import Reader
from hotpath.ticks import Ticks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotpath.detector import Detector

IDLE_MS: Final = 120_000
TENANT: Final = "fit"


class Recording(NamedTuple):
    """What a detector is given."""

    calls: list[tuple[str, str, int, int, int, str, bytes, object, object]]
    open: dict[str, int]
    """Sessions that do not end, and their last time (epoch ms)."""

    def sessions(self) -> list[str]:
        """Return the sessions, in order."""
        return list(dict.fromkeys(call[0] for call in self.calls))

    def play(self, detector: Detector) -> None:
        """Let a detector hear it to its end, and the idle time after that."""
        apply = detector.apply
        ticks = Ticks(detector)
        for call in self.calls:
            ticks.until(TENANT, call[0], call[3])
            apply(TENANT, *call)  # type: ignore[arg-type]
        for session, t in self.open.items():
            ticks.until(TENANT, session, t + IDLE_MS)


def encode(lines: Iterable[bytes], name: str) -> Recording:
    """Read a recording into the calls that a detector takes."""
    calls: list[tuple[str, str, int, int, int, str, bytes, object, object]] = []
    last: dict[str, int] = {}
    ended: set[str] = set()
    for b in Reader(lines, name):
        c = b.columns
        calls.append(
            (b.session, b.stream, b.seq, b.t0_ms, b.pointer, b.page, c.blob, c.targets, c.strings)
        )
        last[b.session] = max(last.get(b.session, 0), b.t0_ms + c.duration_ms)
        if any(event[0] == EventKind.SESSION_END for event in b.events):
            ended.add(b.session)
    return Recording(calls, {name: t for name, t in last.items() if name not in ended})
