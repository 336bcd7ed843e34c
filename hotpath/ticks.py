"""The clock of a recording: timers go off when they are due, as the edge sees to on a live site."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotpath.detector import Detector


class Ticks:
    """Tells a detector the time, session by session: a recording may hold them one by one.

    A stream learns the time from its own events; the page that was left has none any more.

    Args:
        detector: whose timers they are. Nobody else may take its `wakes`.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._due: dict[tuple[str, str], dict[str, int]] = {}

    def until(self, tenant: str, session: str, t_ms: int) -> None:
        """Let each timer of a session that is due by `t_ms` (epoch ms) go off at its time."""
        while True:
            for of, visit, stream, due_ms in self._detector.wakes():
                self._due.setdefault((of, visit), {})[stream] = due_ms
            due = self._due.get((tenant, session))
            if not due:
                return
            at, stream = min((at, stream) for stream, at in due.items())
            if at > t_ms:
                return
            del due[stream]
            self._detector.advance(tenant, session, stream, at)
