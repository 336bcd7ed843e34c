"""The log writer: what sessions accepted, in rounds, one entry a partition, before any ack.

A round starts at once after a pause, else a few milliseconds after the last one began, more if
that one was large: at ten thousand frames a second the log then sees a hundred appends
(docs/decisions/0007). A round that fails is tried again as it is, so the order within a stream
never changes. A round is copied several times on its way, so what piled up while the log was away
goes in several.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message
from msgspec import Struct

from edge.histograms import APPEND_S
from edge.pacing import Pacing
from edge.places import Place
from edge.pressure import Pressure
from edge.streams import StreamRecord
from services.common import logs
from services.common.log import BEHAVIOR, TOPICS, Append, EventLog, LogUnavailable, Record
from services.common.schema import schema_of

_log = logs.get(__name__)
_ROUND_S = 0.004
_LARGE_ROUND_S = 0.008
_LARGE = 32
"""Messages: half as many as there are partitions. Each entry has a price of its own in the log and
in detection, and a round that waits lets more messages share one."""
_ROUND_BYTES = 1 << 20
_KEPT_BYTES = 150
"""What a pending message takes besides its value: its own parts, and the objects' heads."""
_FULL = 0.8
_FULLNESS_S = 1.0
_RETRY_S = (0.05, 0.1, 0.25, 0.5, 1.0)


class Pending(Struct, frozen=True, gc=False):
    """One accepted message on its way to the log."""

    topic: str
    place: Place
    value: bytes
    seq: int
    stream: StreamRecord
    message: Message | None
    traceparent: str


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry of behavior.v1 that the log now has."""

    partition: int
    offset: int
    batches: list[bytes]
    """BehaviorBatches, serialized."""
    taken_ns: int
    """When its round began, Unix epoch in nanoseconds."""
    appended_ns: int
    """When the log had answered."""


class LogWriter:
    """Collects pending messages and appends them."""

    def __init__(
        self,
        log: EventLog,
        *,
        max_bytes: int,
        on_behavior: Callable[[list[Appended]], None],
        on_other: Callable[[Pending], None],
        pressure: Pressure | None = None,
    ) -> None:
        self._log = log
        self._pressure = Pressure() if pressure is None else pressure
        self._max_bytes = max_bytes
        self._on_behavior = on_behavior
        self._on_other = on_other
        self._queue: list[Pending] = []
        self._bytes = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._put = 0
        self._written = 0
        self._round_over = asyncio.Event()
        """Set at the end of the round under way, then replaced."""
        self.pacing = Pacing()
        self.log_is_full = False
        self._retrying = False
        self.rounds = 0
        self.appended = 0
        self.failures = 0

    @property
    def full(self) -> bool:
        """Whether the buffer is over its bound, or the log nearly full: sockets must wait."""
        return self._bytes >= self._max_bytes or self.log_is_full

    @property
    def well(self) -> bool:
        """Whether what is accepted gets into the log within a moment."""
        return not self.full and not self._retrying

    async def watch_fullness(self) -> None:
        """Take nothing more while the log is over four fifths full, until cancelled.

        Whoever reads the log must catch up first. A log that refuses writes would do the same, but
        then nobody could write: no decision, no emotion.
        """
        while True:
            # Away: rounds find out by themselves.
            with contextlib.suppress(LogUnavailable):
                fullness = await self._log.fullness()
                if (fullness > _FULL) != self.log_is_full:
                    self.log_is_full = fullness > _FULL
                    _log.warning("log fullness", fullness=round(fullness, 3), hold=self.log_is_full)
                if self.full:
                    self._room.clear()
                else:
                    self._room.set()
            await asyncio.sleep(_FULLNESS_S)

    @property
    def buffered_bytes(self) -> int:
        """Accepted, but not in the log yet."""
        return self._bytes

    async def room(self) -> None:
        """Wait until the buffer is under its bound."""
        await self._room.wait()

    async def flushed(self) -> None:
        """Wait until everything put so far is in the log, whatever is put meanwhile."""
        through = self._put
        while self._written < through:
            await self._round_over.wait()

    def put(
        self,
        topic: str,
        place: Place,
        value: bytes,
        *,
        seq: int,
        stream: StreamRecord,
        message: Message | None = None,
        traceparent: str = "",
    ) -> None:
        """Queue a serialized message; its stream hears when the log has it."""
        if not self._queue:
            self.pacing.waits()
            self._wake.set()
        self._queue.append(Pending(topic, place, value, seq, stream, message, traceparent))
        self._put += 1
        self._resize(_KEPT_BYTES + len(value))

    def _resize(self, by_bytes: int) -> None:
        self._bytes += by_bytes
        self._pressure.high = self._bytes * 2 > self._max_bytes
        if self._bytes < self._max_bytes and not self.log_is_full:
            if by_bytes < 0:
                self._room.set()
        elif by_bytes > 0:
            self._room.clear()

    async def run(self) -> None:
        """Write until cancelled."""
        last, rest_s = 0.0, _ROUND_S
        while True:
            await self._wake.wait()
            pause = last + rest_s - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            self._wake.clear()
            batch, size = self._next_round()
            last = time.monotonic()
            rest_s = _ROUND_S if len(batch) < _LARGE else _LARGE_ROUND_S
            self.pacing.taken()
            await self._write(batch)
            self.pacing.written(len(batch))
            self._resize(-size)
            self._written += len(batch)
            self._round_over.set()
            self._round_over = asyncio.Event()

    def _next_round(self) -> tuple[list[Pending], int]:
        """All that waits, or as much of it as one round may hold, and how much that is."""
        if self._bytes <= _ROUND_BYTES:
            batch, self._queue = self._queue, []
            return batch, self._bytes
        count = size = 0
        while count < len(self._queue) and size < _ROUND_BYTES:
            size += _size(self._queue[count])
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        if self._queue:
            self._wake.set()
        return batch, size

    async def _write(self, batch: list[Pending]) -> None:
        groups: dict[tuple[str, int], list[Pending]] = {}
        for item in batch:
            groups.setdefault((item.topic, item.place.partition), []).append(item)
        appends = [
            Append(
                topic,
                partition,
                [Record(item.place.key, item.value, _headers(item)) for item in items],
            )
            for (topic, partition), items in groups.items()
        ]
        taken_ns = time.time_ns()
        offsets = await self._append(appends)
        appended_ns = time.time_ns()
        APPEND_S.record((appended_ns - taken_ns) / 1e9)
        self.rounds += 1
        self.appended += len(batch)
        behavior: list[Appended] = []
        for ((topic, partition), items), offset in zip(groups.items(), offsets, strict=True):
            if topic == BEHAVIOR:
                batches = [item.value for item in items]
                behavior.append(Appended(partition, offset, batches, taken_ns, appended_ns))
            else:
                for item in items:
                    self._on_other(item)
        self._on_behavior(behavior)
        newest: dict[int, Pending] = {}
        for item in batch:
            if item.seq:
                newest[id(item.stream)] = item
        for item in newest.values():
            item.stream.appended(item.seq)

    async def _append(self, appends: list[Append]) -> list[int]:
        attempt = 0
        while True:
            try:
                offsets = await self._log.append(appends)
                self._retrying = False
                return offsets
            except LogUnavailable as error:
                self._retrying = True
                self.failures += 1
                pause = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
                if attempt == 0:
                    _log.warning("log away, holding acks", error=str(error))
                attempt += 1
                await asyncio.sleep(pause)


_HEADERS = {topic: {"schema": schema_of(topic)} for topic in TOPICS}


def _size(item: Pending) -> int:
    return _KEPT_BYTES + len(item.value)


def _headers(item: Pending) -> dict[str, str]:
    if item.traceparent:
        return {**_HEADERS[item.topic], "traceparent": item.traceparent}
    return _HEADERS[item.topic]
