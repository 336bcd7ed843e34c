"""Clock ticks: the wall clock reaches detection only as records in the log.

Detection's timers run on event time. When one is pending, detection asks for a tick; the edge
writes it into the stream's log once the time has come and nothing earlier can still be under way.
A replay then sees the same tick at the same place.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from sentientiq.detection.v1 import detection_service_pb2 as pb

from edge.hub import Hub
from edge.streams import KEPT_S
from hotpath.columns import from_wire
from hotpath.events import EventKind

# Presses and their answers leave the page at the next animation frame; this is room for the way.
_GRACE_MS = 100.0
# A visit is over after 30 minutes of silence; a minute for clocks that differ.
_FOLLOW_MS = KEPT_S * 1000


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


_Key = tuple[str, str, str]


class Ticker:
    """Writes the ticks that detection asked for.

    For streams that are live here, and for those that were until a moment ago: half an hour of
    silence ends a visit, and whoever closed the page is silent. A stream that left is followed for
    31 minutes after its last connection here, at most `capacity` of them; the oldest make room.
    """

    def __init__(
        self,
        hub: Hub,
        write: Callable[[BehaviorBatch], None],
        *,
        capacity: int = 20_000,
        # Looked up at each call, so that a simulation's clock is taken too.
        clock: Callable[[], float] = lambda: time.time(),
    ) -> None:
        self._hub = hub
        self._write = write
        self._capacity = capacity
        self._clock = clock
        self._asked: dict[_Key, int] = {}
        """What was asked for last, by stream: a timer that was moved is told again."""
        self._queue: list[tuple[int, _Key]] = []
        self._queued: set[tuple[int, _Key]] = set()
        self._early: dict[_Key, int] = {}
        """Named after a later one of the stream: both are told."""
        self._left: OrderedDict[_Key, float] = OrderedDict()
        self._missed: OrderedDict[_Key, int] = OrderedDict()
        """Due when the stream was not here. If the worker that had it died meanwhile, nobody told
        it; it is told when the page comes. Told twice, it costs a needless tick."""
        self._wake = asyncio.Event()
        self.ticks = 0

    def ask(self, wakes: Iterable[pb.Wake]) -> None:
        """Note timers; of a stream the latest is pending, and one that was named after it.

        Whose they are is asked when they are due: until then the page may come from another worker.
        """
        for wake in wakes:
            key = (wake.tenant_id, wake.session_id, wake.stream_id)
            known = self._asked.get(key)
            if known is not None and wake.due_at_ms < known:
                # Moved, or told again late: the one that is known may still hold.
                self._early[key] = wake.due_at_ms
                self._push(wake.due_at_ms, key)
                continue
            self._early.pop(key, None)
            self._asked[key] = wake.due_at_ms
            if known is None:
                self._push(wake.due_at_ms, key)

    def came(self, tenant: str, session: str, stream: str) -> None:
        """Tell a stream that is here now what it missed."""
        key = (tenant, session, stream)
        due_at_ms = self._missed.pop(key, None)
        if due_at_ms is not None:
            self._write(tick_batch(*key, due_at_ms))
            self.ticks += 1

    def left(self, tenant: str, session: str, stream: str) -> None:
        """Follow a stream whose connection ended for a while."""
        key = (tenant, session, stream)
        now_ms = self._clock() * 1000
        self.came(tenant, session, stream)
        self._left[key] = now_ms
        self._left.move_to_end(key)
        while len(self._left) > self._capacity or self._left[next(iter(self._left))] < (
            now_ms - _FOLLOW_MS
        ):
            self._left.popitem(last=False)

    def forget(self, tenant: str, session: str) -> None:
        """Follow no stream of a session any more: its visitor does not want it."""
        for key in [key for key in self._left if key[:2] == (tenant, session)]:
            del self._left[key]
        for key in [key for key in self._asked if key[:2] == (tenant, session)]:
            del self._asked[key]
            self._early.pop(key, None)
        for key in [key for key in self._missed if key[:2] == (tenant, session)]:
            del self._missed[key]

    def write_due(self) -> None:
        """Write the ticks whose time has come."""
        while self._queue and self._queue[0][0] + _GRACE_MS <= self._clock() * 1000:
            entry = heapq.heappop(self._queue)
            self._queued.discard(entry)
            due_at_ms, key = entry
            asked = self._asked.get(key)
            if self._early.get(key) == due_at_ms:
                del self._early[key]
                self._tick(key, due_at_ms)
            if asked is None:
                continue
            if asked > due_at_ms:
                # Its own place in the queue may be this one: it was asked for when this was due.
                self._push(asked, key)
                continue
            del self._asked[key]
            self._tick(key, asked)

    async def run(self) -> None:
        """Write ticks until cancelled."""
        while True:
            if not self._queue:
                await self._wake.wait()
            self._wake.clear()
            self.write_due()
            if self._queue:
                pause_s = max(0.001, (self._queue[0][0] + _GRACE_MS) / 1000 - self._clock())
                try:
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _tick(self, key: _Key, due_at_ms: int) -> None:
        if self._follows(key, due_at_ms):
            self._write(tick_batch(*key, due_at_ms))
            self.ticks += 1
            return
        self._missed[key] = max(due_at_ms, self._missed.pop(key, 0))
        if len(self._missed) > self._capacity:
            self._missed.popitem(last=False)

    def _follows(self, key: _Key, due_at_ms: int) -> bool:
        live = self._hub.find(*key[:2])
        if live is not None and key[2] in live.connections:
            return True
        left_at_ms = self._left.get(key)
        return left_at_ms is not None and due_at_ms <= left_at_ms + _FOLLOW_MS

    def _push(self, due_at_ms: int, key: _Key) -> None:
        entry = (due_at_ms, key)
        if entry not in self._queued:
            self._queued.add(entry)
            heapq.heappush(self._queue, entry)
            self._wake.set()
