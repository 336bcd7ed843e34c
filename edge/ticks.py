"""Clock ticks: the wall clock reaches detection only as records in the log.

Detection's timers run on event time. When one is pending, detection asks for a tick; the edge
writes it into the stream's log once the time has come and nothing earlier can still be under way.
A replay then sees the same tick at the same place.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1 import detection_service_pb2 as pb

from edge.hub import Hub
from hotpath.columns import from_wire
from hotpath.events import EventKind

# Presses and their answers leave the page at the next animation frame; this is room for the way.
_GRACE_MS = 100.0


def tick_batch(tenant: str, session: str, stream: str, due_at_ms: int) -> BehaviorBatch:
    """The record of one tick. seq 0: the edge's own, never deduplicated."""
    columns = from_wire([[int(EventKind.TICK), 0]], {})
    return BehaviorBatch(
        tenant_id=tenant,
        session_id=session,
        stream_id=stream,
        t0_ms=due_at_ms,
        count=columns.count,
        columns=columns.blob,
    )


class Ticker:
    """Writes the ticks that detection asked for, for streams that are live here."""

    def __init__(self, hub: Hub, write: Callable[[BehaviorBatch], None]) -> None:
        self._hub = hub
        self._write = write
        self._due: list[tuple[float, str, str, str, int]] = []
        self._pending: set[tuple[str, str, str]] = set()
        self._wake = asyncio.Event()
        self.ticks = 0

    def ask(self, wakes: Iterable[pb.Wake]) -> None:
        """Note timers; one tick a stream is pending at most."""
        for wake in wakes:
            key = (wake.tenant_id, wake.session_id, wake.stream_id)
            live = self._hub.find(wake.tenant_id, wake.session_id)
            if key in self._pending or live is None or wake.stream_id not in live.connections:
                continue
            self._pending.add(key)
            heapq.heappush(self._due, (wake.due_at_ms + _GRACE_MS, *key, wake.due_at_ms))
            self._wake.set()

    async def run(self) -> None:
        """Write ticks until cancelled."""
        while True:
            if not self._due:
                await self._wake.wait()
            self._wake.clear()
            while self._due and self._due[0][0] <= time.time() * 1000:
                _, tenant, session, stream, due_at_ms = heapq.heappop(self._due)
                self._pending.discard((tenant, session, stream))
                self._write(tick_batch(tenant, session, stream, due_at_ms))
                self.ticks += 1
            if self._due:
                pause_s = max(0.001, self._due[0][0] / 1000 - time.time())
                try:
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass
