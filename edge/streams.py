"""What a worker remembers of a stream across its connections."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

KEPT_S: Final = 31 * 60.0
"""A visit is over after half an hour of silence: nobody resumes it, or asks whose it was."""
_LOOKS: Final = 4
"""For old ones, with each new one: what is kept shrinks as fast as it grew, a little at a time."""


class AckSink(Protocol):
    """Whoever tells the client that its messages are safe."""

    def acknowledged(self, seq: int) -> None:
        """Everything up to `seq` is in the log."""
        ...


@dataclass(slots=True)
class StreamRecord:
    """One page instance. Outlives its connection, so that a resume needs no guessing."""

    offset_ms: float | None = None
    """Server clock minus client clock, fixed by the first hello of the stream."""
    accepted: int = 0
    """Last seq handed to the log writer; 0: none yet."""
    acked: int = 0
    """Last seq that the log has."""
    front_at_ms: float | None = None
    """When its page last came to the front; 0: it is behind others; None: it never said."""
    connection: AckSink | None = field(default=None, repr=False)
    asked_s: float = 0.0
    """When somebody last asked for it, or its connection ended."""

    def left(self, now_s: float) -> None:
        """Its connection has ended; the page may come back. `now_s` is monotonic."""
        self.connection, self.asked_s = None, now_s

    def appended(self, seq: int) -> None:
        """Note that the log has everything up to `seq`, and tell the client."""
        if seq > self.acked:
            self.acked = seq
            if self.connection is not None:
                self.connection.acknowledged(seq)


class StreamMemory:
    """The streams seen last, by (tenant, session, stream).

    Those that are connected stay. Of the others those that ended half an hour ago are forgotten,
    and beyond `capacity` the oldest.
    """

    def __init__(self, capacity: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._records: OrderedDict[tuple[str, str, str], StreamRecord] = OrderedDict()
        self._capacity = capacity
        self._clock = clock

    def __len__(self) -> int:
        return len(self._records)

    def record(self, tenant: str, session: str, stream: str) -> StreamRecord:
        """The stream's record, made if it is new."""
        key, now_s = (tenant, session, stream), self._clock()
        record = self._records.get(key)
        if record is None:
            self._forget_old(now_s)
            record = self._records[key] = StreamRecord()
        else:
            self._records.move_to_end(key)
        record.asked_s = now_s
        return record

    def _forget_old(self, now_s: float) -> None:
        """Make room for one more."""
        for _ in range(min(_LOOKS, len(self._records))):
            key, oldest = next(iter(self._records.items()))
            if len(self._records) < self._capacity and oldest.asked_s > now_s - KEPT_S:
                return
            if oldest.connection is None:
                del self._records[key]
            else:  # looked at again when all others were
                oldest.asked_s = now_s
                self._records.move_to_end(key)
