"""Appending to Kafka: an idempotent producer that waits for every replica in sync.

librdkafka tries again by itself, without changing the order within a partition and without writing
twice, for longer than a broker takes to start. Then the append has failed and whoever asked may
repeat it, all of it: what it wrote after all is the repetition that every reader drops
(docs/contracts.md, 4.7). To give up early would repeat the whole round of an edge for every
restart of a broker.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from services.common import logs
from services.common.log.kafka.address import MOST_DEAD_BYTES, Address
from services.common.log.port import EntryTooLarge, LogUnavailable

_log = logs.get(__name__)
_GIVE_UP_MS = 30_000
_QUEUE_KB = 64 * 1024
_POLL_S = 0.1
_CLOSE_S = 5.0
# A batch of records has its own head.
_HEAD_BYTES = 4 * 1024
_UNKNOWN_OFFSET = "the log has it, but does not say where"


class _Round:
    """One append: what it still waits for."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[list[int]] = self._loop.create_future()
        self._offsets = [0] * count
        self._left = count
        self._error = ""

    def delivered(self, index: int, error: KafkaError | None, offset: int | None) -> None:
        """One message is written, or is not. Called by the producer's thread."""
        if error is not None:
            self._error = error.str()
        elif offset is None or offset < 0:
            self._error = _UNKNOWN_OFFSET
        else:
            self._offsets[index] = offset + 1
        self.counted()

    def refused(self, why: str) -> None:
        """One message was not taken."""
        self._error = why
        self.counted()

    def counted(self) -> None:
        self._left -= 1
        if not self._left:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.done.done():  # nobody waits any more
            return
        if self._error:
            self.done.set_exception(LogUnavailable(f"the log did not accept: {self._error}"))
        else:
            self.done.set_result(self._offsets)


class Writer:
    """One producer, made with the first append and again after an error it cannot go on from."""

    def __init__(self, address: Address) -> None:
        self._config = {
            **address.config,
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": _GIVE_UP_MS,
            "message.max.bytes": MOST_DEAD_BYTES + _HEAD_BYTES,
            "queue.buffering.max.kbytes": _QUEUE_KB,
            # One append goes to many partitions: a moment for it to be put together.
            "linger.ms": 1,
            "compression.type": "lz4",
            "error_cb": self._on_error,
        }
        self._producer: Producer | None = None
        self._broken = threading.Event()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._waiting = 0

    async def append(self, items: Sequence[tuple[str, int, bytes]]) -> list[int]:
        """Write (topic, partition, value), all of them. Returns offsets from 1.

        Raises:
            LogUnavailable: not all of it is known to be written.
            EntryTooLarge: a value is larger than the log ever takes; nothing was written.
        """
        for topic, _, blob in items:
            if len(blob) > MOST_DEAD_BYTES:
                raise EntryTooLarge(
                    f"an entry of {len(blob)} bytes for {topic}, the log takes {MOST_DEAD_BYTES}"
                )
        producer = self._ready()
        made = _Round(len(items))
        size = sum(len(blob) for _, _, blob in items)
        self._waiting += size
        for index, (topic, partition, blob) in enumerate(items):

            def delivered(error: KafkaError | None, message: Message, index: int = index) -> None:
                made.delivered(index, error, message.offset())

            try:
                producer.produce(topic, blob, partition=partition, on_delivery=delivered)
            except BufferError:
                made.refused("too much waits to be written")
            except KafkaException as error:
                made.refused(str(error))
        try:
            return await made.done
        finally:
            self._waiting -= size

    @property
    def fullness(self) -> float:
        """Share of the queue that waits to be delivered, 0 to 1."""
        return min(1.0, self._waiting / (_QUEUE_KB * 1024))

    def _ready(self) -> Producer:
        if self._broken.is_set() and self._producer is not None:
            self._producer.purge()
            self._producer = None
        if self._producer is None:
            self._broken.clear()
            self._producer = Producer(self._config)
            self._thread = threading.Thread(
                target=self._serve, args=(self._producer,), name="kafka-writer", daemon=True
            )
            self._thread.start()
        return self._producer

    def _serve(self, producer: Producer) -> None:
        """Hand deliveries over, until this producer is no longer ours."""
        while not self._closed.is_set() and producer is self._producer:
            producer.poll(_POLL_S)
        producer.flush(_POLL_S)
        if producer is self._producer:
            # The last to hold it: librdkafka waits for its own threads when it lets go, and in C.
            # Whoever collected this object as garbage would wait with it.
            self._producer = None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            _log.error("the producer cannot go on, starting another", error=error.str())
            self._broken.set()

    def close(self) -> None:
        """Let go; what nobody waited for may be lost."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)
