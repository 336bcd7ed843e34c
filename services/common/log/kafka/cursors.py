"""Reading Kafka from any offset: a cursor is one consumer with what it fetched ahead.

Kafka's consumers go on from where they are and are slow to be moved, while readers of the port say
each time where they stand. So every task that reads has a cursor of its own, which is already
there when the task comes back for more.

A cursor belongs to no group. It works in its own thread, one read after the other.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.common.log.kafka.address import Address
from services.common.log.kafka.asking import END, FIRST, offsets
from services.common.log.port import Entry, LogUnavailable

_PIECE_S = 0.1
_AT_ONCE = 4_096
NO_GROUP = "no-group"
"""What clients without a group are named: Kafka's consumers must have one. It never commits."""
Decode = Callable[[int, int, bytes], Entry]


@dataclass(slots=True)
class _Window:
    """What was fetched of a partition: everything after `floor`, through `end`."""

    floor: int
    end: int
    entries: deque[Entry] = field(default_factory=deque[Entry])
    lost: bool = False
    """Kafka does not fetch here any more: it has to be told again where to go on."""

    def reaches(self, offset: int) -> bool:
        return self.floor <= offset <= self.end and not self.lost

    def forget(self, through: int) -> None:
        self.floor = max(self.floor, through)
        while self.entries and self.entries[0].offset <= through:
            self.entries.popleft()


class Cursor:
    """A place in one topic."""

    def __init__(self, address: Address, topic: str, decode: Decode) -> None:
        self._topic = topic
        self._decode = decode
        self._windows: dict[int, _Window] = {}
        self._away = ""
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, "kafka-cursor")
        self._consumer = Consumer(
            {
                **address.config,
                "group.id": address.name(NO_GROUP),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # Behind what is trimmed we go on by our own rule; ahead of it we wait.
                "auto.offset.reset": "error",
                # A consumer that is moved first waits for the fetch under way.
                "fetch.wait.max.ms": 100,
                "fetch.error.backoff.ms": 100,
                "fetch.message.max.bytes": 256 * 1024,
                "fetch.max.bytes": 8 * 1024 * 1024,
                "message.max.bytes": 8 * 1024 * 1024,
                "queued.max.messages.kbytes": 16 * 1024,
                "queued.min.messages": _AT_ONCE,
                "error_cb": self._on_error,
            }
        )

    async def read(
        self, after: Mapping[int, int], limit: int, through: Mapping[int, int], wait_s: float
    ) -> list[Entry]:
        """Read what follows, for at most `wait_s`.

        Returns with the first entry; or, where `through` says how far a partition goes, once there
        is one of each of those.

        Raises:
            LogUnavailable: Kafka is away, or does not give what `through` promises.
        """
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, self._read, dict(after), limit, dict(through), wait_s
        )
        try:
            return await work
        except KafkaException as error:
            raise LogUnavailable(f"the log did not answer: {error}") from error

    def _read(
        self, after: dict[int, int], limit: int, through: dict[int, int], wait_s: float
    ) -> list[Entry]:
        self._go_to(after)
        deadline = monotonic() + wait_s
        while True:
            if through:
                enough = all(self._has(p, after[p], end) for p, end in through.items())
            else:
                enough = any(window.entries for window in self._windows.values())
            left_s = 0.0 if enough else deadline - monotonic()
            if self._full() and through and not enough:
                lacking = {p for p, end in through.items() if not self._has(p, after[p], end)}
                self._leave_room(lacking, limit)
            took = self._fetch(max(0.0, min(_PIECE_S, left_s)))
            if enough or (took and not through):
                break
            if self._closing.is_set() or left_s <= 0:
                if through:
                    raise LogUnavailable("the log did not give what it has")
                break
            if self._away:
                why, self._away = self._away, ""
                raise LogUnavailable(f"the log did not answer: {why}")
        return [
            entry
            for partition in after
            for entry in islice(self._windows[partition].entries, limit)
        ]

    def _has(self, partition: int, after: int, end: int) -> bool:
        window = self._windows[partition]
        return bool(window.entries) or window.end >= max(end, after + 1)

    def _go_to(self, after: Mapping[int, int]) -> None:
        windows = self._windows
        if windows.keys() == after.keys() and all(
            windows[partition].reaches(offset) for partition, offset in after.items()
        ):
            for partition, offset in after.items():
                windows[partition].forget(offset)
            return
        kept = {
            partition: windows[partition]
            for partition, offset in after.items()
            if partition in windows and windows[partition].reaches(offset)
        }
        for partition, offset in after.items():
            kept.setdefault(partition, _Window(offset, offset)).forget(offset)
        self._windows = kept
        self._assign()

    def _assign(self) -> None:
        """Fetch on from the end of every window; librdkafka drops what it had ahead."""
        self._consumer.assign(
            [
                TopicPartition(self._topic, partition, window.end)
                for partition, window in self._windows.items()
                if not window.lost
            ]
        )

    def _full(self) -> bool:
        return sum(len(window.entries) for window in self._windows.values()) >= _AT_ONCE

    def _leave_room(self, lacking: set[int], limit: int) -> None:
        """Fetch only what is lacking: the others have come, and would fill all the room."""
        for partition, window in self._windows.items():
            if partition in lacking:
                continue
            window.lost = True
            while len(window.entries) > limit:
                window.end = window.entries.pop().offset - 1
        self._assign()

    def _fetch(self, wait_s: float) -> bool:
        """Take what has come, waiting for the first of it. Whether there was anything."""
        if self._full() and not any(window.lost for window in self._windows.values()):
            return False
        first = self._consumer.poll(wait_s)
        if first is None:
            return False
        # `consume` waits until it has as many as asked for, unless told not to wait.
        messages = [first, *self._consumer.consume(_AT_ONCE, 0)]
        missed = [partition for message in messages if (partition := self._take(message)) >= 0]
        if missed:
            self._find_again(missed)
        return len(missed) < len(messages)

    def _take(self, message: Message) -> int:
        """Keep one message. Returns the partition if Kafka has nothing at its offset, else -1."""
        error = message.error()
        partition = message.partition()
        if error is not None:
            code = error.code()
            if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                return -1 if partition is None else partition
            raise LogUnavailable(f"the log did not answer: {error.str()}")
        offset, value = message.offset(), message.value()
        window = None if partition is None else self._windows.get(partition)
        if partition is None or offset is None or window is None or window.lost:
            return -1
        if offset < window.end:
            return -1
        blob = value.encode() if isinstance(value, str) else value or b""
        window.entries.append(self._decode(partition, offset + 1, blob))
        window.end = offset + 1
        return -1

    def _find_again(self, partitions: list[int]) -> None:
        """Go on at the first entry that is left, where what was wanted is trimmed."""
        first = offsets(self._consumer, self._topic, partitions, FIRST)
        ends = offsets(self._consumer, self._topic, partitions, END)
        for partition in partitions:
            window = self._windows.get(partition)
            if window is not None:
                # Beyond the log's end nothing can be fetched until it has grown.
                window.lost = window.end > ends[partition]
                window.end = max(window.end, first[partition])
        self._assign()

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN or error.fatal():
            self._away = error.str()

    async def close(self) -> None:
        """Stop reading and leave."""
        self._closing.set()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._consumer.close)
        self._thread.shutdown(wait=False)


class Cursors:
    """The cursors of one client: one for each task that reads a topic."""

    def __init__(
        self,
        address: Address,
        decode: Callable[[str, int, int, bytes], Entry],
    ) -> None:
        self._address = address
        self._decode = decode
        self._cursors: dict[tuple[str, asyncio.Task[Any] | None], Cursor] = {}

    def mine(self, topic: str) -> Cursor:
        """The running task's own; that of a task which has ended, before a new one is made."""
        task = asyncio.current_task()
        if (known := self._cursors.get((topic, task))) is not None:
            return known
        for key in self._cursors:
            if key[0] == topic and key[1] is not None and key[1].done():
                cursor = self._cursors.pop(key)
                break
        else:

            def decode(partition: int, offset: int, blob: bytes) -> Entry:
                return self._decode(topic, partition, offset, blob)

            cursor = Cursor(self._address, self._address.name(topic), decode)
        self._cursors[topic, task] = cursor
        return cursor

    async def close(self) -> None:
        """Close all."""
        cursors, self._cursors = self._cursors, {}
        await asyncio.gather(*(cursor.close() for cursor in cursors.values()))
