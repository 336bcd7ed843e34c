"""One partition as a fold: entries in offset order go in, emissions come out. No I/O.

Entries arrive by the fast lane (Detect) and from the log; whichever is first wins. An offset that
is missing holds back the ones after it until it arrives or is read from the log, so the order of
application is always the log's, and a verdict never depends on who delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hotpath.detector import Detector, Emission
from services.common import logs

_log = logs.get(__name__)
_MAX_WAITING = 4_096


@dataclass(slots=True)
class Fold:
    """The state of one held partition."""

    partition: int
    epoch: int
    detector: Detector
    applied: int = 0
    """Offset through which everything is applied."""
    live: bool = False
    """Whether the log's tail is replayed and the fast lane may be applied."""
    waiting: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])
    """Entries, serialized batches each, that came before their predecessors."""
    waiting_since: float = 0.0
    """When the oldest gap was first seen, on the caller's monotonic clock."""
    corrupt: int = 0
    dirty: bool = False
    """Whether anything was applied since the last snapshot."""

    def offer(self, offset: int, batches: list[bytes], now: float) -> None:
        """Take an entry; apply it, and what waited for it, as soon as its turn has come."""
        if offset <= self.applied or not self.live:
            return
        if offset > self.applied + 1:
            if not self.waiting:
                self.waiting_since = now
            if len(self.waiting) < _MAX_WAITING:
                self.waiting[offset] = batches
            return
        self._apply(offset, batches)
        if self.waiting:
            self._release_waiting(now)

    def catch_up(self, offset: int, batches: list[bytes], now: float) -> None:
        """Take an entry read from the log, where a jump means that the log was trimmed."""
        if offset <= self.applied:
            return
        if offset > self.applied + 1:
            _log.warning(
                "log trimmed before it was applied",
                partition=self.partition,
                applied=self.applied,
                next=offset,
            )
        self._apply(offset, batches)
        self._release_waiting(now)

    def gap(self, now: float, patience_s: float) -> bool:
        """Tell whether an entry has been missing for longer than the fast lane may take."""
        return bool(self.waiting) and now - self.waiting_since > patience_s

    def drain(self) -> list[Emission]:
        """Emissions since the last call."""
        return self.detector.drain()

    def _apply(self, offset: int, batches: list[bytes]) -> None:
        for place, why in self.detector.apply_encoded(batches):
            # The edge wrote it, so it is our defect; the partition must still move on. The
            # pipeline, which reads the same topic, keeps what is no batch as a dead letter.
            self.corrupt += 1
            _log.error(
                "corrupt batch", partition=self.partition, offset=offset, place=place, why=why
            )
        self.applied = offset
        self.dirty = True

    def _release_waiting(self, now: float) -> None:
        while self.waiting:
            batches = self.waiting.pop(self.applied + 1, None)
            if batches is None:
                for offset in [offset for offset in self.waiting if offset <= self.applied]:
                    del self.waiting[offset]
                self.waiting_since = now
                return
            self._apply(self.applied + 1, batches)
