"""Reads the log back while the run lasts: what was acknowledged must be there.

It follows from the start of the run rather than reading at the end, unless told otherwise, because
the log is trimmed behind its readers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from sentientiq.behavior.v1 import types_pb2
from sentientiq.identity.v1 import identity_service_pb2
from sentientiq.intervention.v1 import intervention_pb2

from cli.smoke.story import Story
from services.common.log import (
    BEHAVIOR,
    DECISION,
    IDENTITY,
    OUTCOME,
    LogUnavailable,
    Record,
    open_log,
)

# Each look asks for 64 streams; the log is trimmed no more often than each 10 s.
_LOOK_S = 0.5
_SETTLE_LOOKS = 20
# Of a log that others go on writing: two minutes are enough for a million entries.
_MOST_LOOKS = 240


class Ledger:
    """What one tenant has in the log."""

    def __init__(self, url: str, tenant: str) -> None:
        self._log = open_log(url)
        self._tenant = tenant
        self._tasks: list[asyncio.Task[None]] = []
        self._read = 0
        self.reading = asyncio.Event()
        """Unset, no behaviour is read for now: the log keeps it, and it can be read at the end."""
        self.reading.set()
        self.stored: Counter[tuple[str, str, int]] = Counter()
        """(session, stream, seq) of frames and identifies."""
        self.outcomes: Counter[str] = Counter()
        self.decisions: dict[str, intervention_pb2.Decision] = {}
        self.writes_of_decision: Counter[str] = Counter()

    async def open(self) -> None:
        """Follow from here on."""
        readers: dict[str, Callable[[Record], None]] = {
            BEHAVIOR: self._behavior,
            IDENTITY: self._identity,
            OUTCOME: self._outcome,
            DECISION: self._decision,
        }
        for topic, take in readers.items():
            ends = await self._log.ends(topic)
            self._tasks.append(asyncio.create_task(self._follow(topic, ends, take)))

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._log.close()

    async def missing(self, stories: list[Story]) -> list[str]:
        """Acknowledged messages that are not in the log; waits as long as the reader gets on."""
        still, read = 0, self._read
        for _ in range(_MOST_LOOKS):
            if still > _SETTLE_LOOKS or not self.absent(stories):
                break
            await asyncio.sleep(_LOOK_S)
            still = still + 1 if read == self._read else 0
            read = self._read
        return self.absent(stories)

    def absent(self, stories: list[Story]) -> list[str]:
        """Acknowledged messages that have not been seen in the log so far."""
        found: list[str] = []
        for story in stories:
            for seq, proof in story.sent.items():
                if seq > story.acked:
                    continue
                if proof in (BEHAVIOR, IDENTITY):
                    there = (story.session, story.stream, seq) in self.stored
                else:
                    there = proof in self.outcomes
                if not there:
                    found.append(f"visitor {story.index}: acknowledged seq {seq} ({proof})")
        return found

    async def _follow(
        self, topic: str, after: dict[int, int], take: Callable[[Record], None]
    ) -> None:
        key = self._tenant.encode() + b"\x00"
        while True:
            if topic == BEHAVIOR:
                await self.reading.wait()
            # Away for a moment: the offsets are kept, nothing is skipped.
            with contextlib.suppress(LogUnavailable):
                for entry in await self._log.read(topic, after):
                    self._read += 1
                    after[entry.partition] = entry.offset
                    for record in entry.records:
                        if record.key.startswith(key):
                            take(record)
            await asyncio.sleep(_LOOK_S)

    def _behavior(self, record: Record) -> None:
        batch = types_pb2.BehaviorBatch.FromString(record.value)
        if batch.seq:
            self.stored[batch.session_id, batch.stream_id, batch.seq] += 1

    def _identity(self, record: Record) -> None:
        sealed = identity_service_pb2.SealedIdentify.FromString(record.value)
        if sealed.seq:
            self.stored[sealed.session_id, sealed.stream_id, sealed.seq] += 1

    def _outcome(self, record: Record) -> None:
        self.outcomes[intervention_pb2.Outcome.FromString(record.value).id] += 1

    def _decision(self, record: Record) -> None:
        decision = intervention_pb2.Decision.FromString(record.value)
        self.decisions[decision.id] = decision
        self.writes_of_decision[decision.id] += 1
