"""Frames in the log, as edges at ten thousand frames a second write them."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.kernel import load
from services.common.log import BEHAVIOR, Append, EventLog, Record
from services.common.partition import partition_of, record_key
from services.common.schema import schema_of

SESSIONS: Final = 10_000
ROUND: Final = 40
"""Frames of a round: those of 4 ms. Most entries then hold one frame, some two."""
REPEATED: Final = 100
"""One frame in so many is written twice, as after an ack that was lost."""
_HEADERS: Final = {"schema": schema_of(BEHAVIOR)}
_TENANT: Final = "tenant"


class Traffic:
    """Rounds of frames; each session's come one after the other."""

    def __init__(self) -> None:
        self._pool = load.batches(count=512)
        self._who = load.names(SESSIONS)
        self._turn = 0
        self.frames = 0
        """Different ones."""
        self.events = 0
        """Of different frames."""
        self.bytes = 0

    def round(self, frames: int = ROUND) -> list[Append]:
        """The next frames, an append for each partition."""
        groups: dict[int, list[Record]] = {}
        now_ms = time.time_ns() // 1_000_000
        for _ in range(frames):
            session, stream = self._who[self._turn % SESSIONS]
            batch = self._pool[self._turn * 31 % len(self._pool)]
            value = load.encode(batch, session, stream, 1 + self._turn // SESSIONS, now_ms)
            record = Record(record_key(_TENANT, session), value, _HEADERS)
            again = 1 + (self._turn % REPEATED == 0)
            groups.setdefault(partition_of(_TENANT, session), []).extend([record] * again)
            self._turn += 1
            self.frames += 1
            self.events += batch.events
            self.bytes += len(value)
        return [Append(BEHAVIOR, partition, records) for partition, records in groups.items()]

    async def fill(self, log: EventLog, events: int) -> None:
        """Append so many events."""
        through = self.events + events
        while self.events < through:
            # Together, for nothing of this is measured; entries stay as small as they would be.
            rounds = [self.round() for _ in range(50)]
            await log.append([append for appends in rounds for append in appends])
