"""Read a topic from the committed offsets, apply, commit; set aside what cannot be applied.

Delivery is at least once: a crash between effect and commit repeats the batch. Handlers make
their effects idempotent by the ids inside the messages.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, time_ns
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from google.protobuf.message import DecodeError

from services.common import logs, metrics, tracing
from services.common.log import Append, Entry, EventLog, LogUnavailable, Record
from services.common.metrics import Catalogue, Metric
from services.common.partition import PARTITIONS
from services.common.schema import schema_of, why_not_ours

M = TypeVar("M")
T = TypeVar("T")
_log = logs.get(__name__)
_BLOCK_MS = 1_000
_PIECE_S = 0.1
_STRETCH = 16
"""Records decoded before others on the loop have a turn: a tenth of a millisecond or so."""
# Of dead letters, in one append.
_PORTION = 1_000
_PORTION_BYTES = 4 << 20
_RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class Poison(Exception):
    """A handler's word that one message can never be applied; it goes to the dead letters."""


class Delivery(NamedTuple, Generic[M]):
    """One decoded record and where it stood."""

    message: M
    partition: int
    offset: int
    record: Record


Handler = Callable[[list[Delivery[M]]], Awaitable[None]]


class Read(Protocol):
    """`EventLog.read` of one topic."""

    async def __call__(
        self, after: Mapping[int, int], *, limit: int, block_ms: int | None
    ) -> list[Entry]:
        """Read entries after the given offsets, at most `limit` a partition."""
        ...


@dataclass(slots=True)
class _Batch(Generic[M]):
    """What was gathered."""

    deliveries: list[Delivery[M]] = field(default_factory=list["Delivery[M]"])
    dead: list[tuple[int, Record, str]] = field(default_factory=list[tuple[int, Record, str]])
    """What can never be applied, and why: partition, record, reason."""
    done: dict[int, int] = field(default_factory=dict[int, int])
    """How far it reaches."""
    entries: int = 0
    fresh: int = 0
    """Records decoded since others on the loop had a turn."""


class Consumer(Generic[M]):
    """One group's reader of one topic, all partitions.

    `handle` gets everything that was waiting, in partition order. If it raises, the same batch is
    tried again, with growing pauses: nothing is skipped because an engine is away.

    `linger_s` is the least time from one batch to the next, unless `most` entries come before, so
    that a handler which is cheap by the batch gets batches. What is in the log when `run` begins
    waits for no more to come. `limit` entries of a partition are read at once, from the log or,
    where given, by `read`, which answers as the log would.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        group: str,
        topic: str,
        decode: Callable[[bytes], M],
        handle: Handler[M],
        limit: int = 500,
        retryable: tuple[type[Exception], ...] = (Exception,),
        linger_s: float = 0.0,
        most: int = 100_000,
        read: Read | None = None,
    ) -> None:
        self._log = log
        self._read = read or partial(log.read, topic)
        self._group = group
        self._topic = topic
        self._schema = schema_of(topic)
        self._decode = decode
        self._handle = handle
        self._limit = limit
        self._retryable = retryable
        self._linger_s = linger_s
        self._most = most
        self._gathered_at = -linger_s
        self._burying: asyncio.Task[None] | None = None
        self.applied = 0
        self.dead = 0
        self.retries = 0
        self.caught_up = asyncio.Event()
        """Set once everything that was in the log when `run` began is applied."""
        metrics.publish(METRICS, self)

    @property
    def labels(self) -> tuple[str, str]:
        """Topic and group, as metrics name it."""
        return self._topic, self._group

    @property
    def topic(self) -> str:
        """The topic that is read."""
        return self._topic

    async def run(self) -> None:
        """Consume until cancelled."""
        try:
            await self._run()
        finally:
            if self._burying is not None:
                self._burying.cancel()
                await asyncio.gather(self._burying, return_exceptions=True)

    async def _run(self) -> None:
        after = await self._patiently(lambda: self._log.committed(self._group, self._topic))
        for partition in range(PARTITIONS):
            after.setdefault(partition, 0)
        ends = await self._patiently(lambda: self._log.ends(self._topic))
        held: dict[int, int] = {}
        while True:
            if held and await self._buried():
                await self._commit(held)
                held = {}
            if not held and not _is_behind(after, ends):
                ends = {}
                self.caught_up.set()
            batch = await self._gather(after, ends)
            if batch.dead:
                if self._burying is not None:
                    # Else a batch of letters after the other would never let anything be committed.
                    await self._burying
                    await self._commit(held)
                    held = {}
                self._bury_beside(batch.dead)
            if batch.deliveries:
                began_ns = time_ns()
                await self._apply(batch.deliveries)
                if tracing.enabled():
                    self._trace(batch.deliveries, began_ns)
            after.update(batch.done)
            held = {**held, **batch.done}

    def _bury_beside(self, dead: Iterable[tuple[int, Record, str]]) -> None:
        """Write dead letters while what follows them is applied already.

        Their topic may have to be made first, and they may be large: nobody waits for that but the
        commit, which must not pass a record that is in no letter yet.
        """
        self._burying = asyncio.create_task(self._bury(dead))

    async def _commit(self, held: Mapping[int, int]) -> None:
        await self._patiently(partial(self._log.commit, self._group, self._topic, held))

    async def _buried(self) -> bool:
        """Whether all letters so far are written."""
        if self._burying is None:
            return True
        if not self._burying.done():
            return False
        await self._burying  # what went wrong is this reader's
        self._burying = None
        return True

    async def _gather(self, after: dict[int, int], ends: Mapping[int, int]) -> _Batch[M]:
        """Read on until it is time for a batch, or to the `ends` of what waited already, a piece at
        a time.

        The log answers one question at a time: a whole batch at once would hold up appends, and
        with them acks, for tens of milliseconds. A piece is decoded as it comes, and by stretches,
        or it would hold up the loop, and two readers would not share what is decoded.
        """
        place = dict(after)
        batch = _Batch[M]()
        behind = _is_behind(place, ends)
        # Not for ever, should an end never be reached.
        until = (monotonic() if behind else self._gathered_at) + self._linger_s
        while True:
            entries = await self._patiently(
                lambda: self._read(place, limit=self._limit, block_ms=_BLOCK_MS)
            )
            place.update((entry.partition, entry.offset) for entry in entries)
            for entry in entries:
                self._decode_into(batch, entry)
                if batch.fresh >= _STRETCH:
                    batch.fresh = 0
                    await asyncio.sleep(0)
            left_s = until - monotonic()
            reached = behind and not _is_behind(place, ends)
            if not batch.done or reached or left_s <= 0 or batch.entries >= self._most:
                self._gathered_at = monotonic()
                return batch
            waiting = Counter(entry.partition for entry in entries).values()
            if not entries or (not behind and max(waiting) < self._limit):  # else there is more
                await asyncio.sleep(min(left_s, _PIECE_S))

    def _decode_into(self, batch: _Batch[M], entry: Entry) -> None:
        batch.entries += 1
        batch.fresh += len(entry.records)
        batch.done[entry.partition] = entry.offset
        for record in entry.records:
            try:
                if "unreadable" in record.headers:
                    raise DecodeError("unreadable entry")
                schema = record.headers.get("schema", self._schema)
                if schema != self._schema and (why := why_not_ours(self._topic, schema)):
                    raise DecodeError(why)
                message = self._decode(record.value)
            except (DecodeError, ValueError) as error:
                batch.dead.append((entry.partition, record, str(error)))
                continue
            batch.deliveries.append(Delivery(message, entry.partition, entry.offset, record))

    async def _apply(self, deliveries: list[Delivery[M]]) -> None:
        attempt = 0
        while True:
            try:
                await self._handle(deliveries)
                self.applied += len(deliveries)
                return
            except Poison as error:
                if len(deliveries) == 1:
                    only = deliveries[0]
                    await self._bury([(only.partition, only.record, str(error))])
                    return
                for delivery in deliveries:  # find the one that is meant
                    await self._apply([delivery])
                return
            except self._retryable as error:
                self.retries += 1
                pause = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
                attempt += 1
                _log.warning(
                    "batch failed, will retry",
                    group=self._group,
                    topic=self._topic,
                    pause_s=pause,
                    exc_info=error if attempt == 10 else None,
                    error=str(error),
                )
                await asyncio.sleep(pause)

    def _trace(self, deliveries: list[Delivery[M]], began_ns: int) -> None:
        for delivery in deliveries:
            tracing.record_under(
                "log.consume",
                delivery.record.headers.get(tracing.HEADER, ""),
                start_ns=began_ns,
                kind="consumer",
                topic=self._topic,
                group=self._group,
            )

    async def _bury(self, dead: Iterable[tuple[int, Record, str]]) -> None:
        appends = [
            Append(
                f"{self._topic}.dead",
                partition,
                [Record(record.key, record.value, {**record.headers, "reason": reason[:200]})],
            )
            for partition, record, reason in dead
        ]
        if not appends:
            return
        self.dead += len(appends)
        _log.error("dead letters", topic=self._topic, group=self._group, count=len(appends))
        for portion in _portions(appends):
            await self._patiently(partial(self._log.append, portion))

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                return await call()
            except LogUnavailable as error:
                self.retries += 1
                pause = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
                attempt += 1
                if attempt == 1:
                    _log.warning("log away, waiting", group=self._group, error=str(error))
                await asyncio.sleep(pause)


def _portions(appends: Iterable[Append]) -> Iterator[list[Append]]:
    """Cut appends into what any log takes at once: where a part is refused, all come again."""
    portion: list[Append] = []
    size = 0
    for append in appends:
        if portion and (len(portion) >= _PORTION or size >= _PORTION_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(append)
        size += sum(len(record.value) for record in append.records)
    yield portion


def _is_behind(place: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    return any(place[partition] < end for partition, end in ends.items())


METRICS: Catalogue[Consumer[Any]] = Catalogue(
    "every reader of the log",
    (
        Metric(
            "siq_consumer_applied_total",
            "counter",
            "{records}",
            "Records applied",
            lambda consumer: {consumer.labels: consumer.applied},
            ("topic", "group"),
        ),
        Metric(
            "siq_consumer_dead_total",
            "counter",
            "{records}",
            "Records set aside in <topic>.dead because they can never be applied",
            lambda consumer: {consumer.labels: consumer.dead},
            ("topic", "group"),
        ),
        Metric(
            "siq_consumer_retries_total",
            "counter",
            "{attempts}",
            "Attempts that failed and were made again: an engine is away",
            lambda consumer: {consumer.labels: consumer.retries},
            ("topic", "group"),
        ),
    ),
)
