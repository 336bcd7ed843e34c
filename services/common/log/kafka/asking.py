"""What Kafka is asked besides records: offsets, commits, groups, topics. Names are the cluster's.

By a consumer's calls, each of which waits in a thread. Those of the admin client would wait by
themselves, but end the process when an answer comes late (confluentinc/librdkafka#4605) or a
group's coordinator has just moved (its OffsetFetch expects a consumer). So it is used for what
nobody else can do, with time limits that are never reached before its requests' own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import admin as untyped

from services.common.log.kafka.address import Config
from services.common.log.port import LogUnavailable

_MOVED = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
)
"""A leader has changed or started anew: what the client knows of it is old."""
_NOT_MADE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION)

T = TypeVar("T")
FIRST = -2
"""Where a partition begins."""
END = -1
"""Where the next record will be."""
_ANSWER_S = 5.0
_MOVED_AGAIN_S = 0.1
_REQUEST_MS = 5_000
_NEVER_S = 60.0
_ADMIN_S = 20.0
_library: Any = untyped


def offsets(
    consumer: Consumer, topic: str, partitions: Iterable[int], which: int
) -> dict[int, int]:
    """Offsets of Kafka, FIRST or END, in one request to each leader. Waits, also for a new leader.

    Raises:
        LogUnavailable: not all of them are known.
    """
    # These are what the protocol takes in place of a time.
    places = [TopicPartition(topic, partition, which) for partition in partitions]
    until_s = time.monotonic() + _ANSWER_S
    while True:
        try:
            return _offsets(consumer, places)
        except KafkaException as error:
            # librdkafka asks for the leaders anew then, but does not ask again by itself.
            if error.args[0].code() not in _MOVED or time.monotonic() > until_s:
                raise away(error) from error
            time.sleep(_MOVED_AGAIN_S)


def _offsets(consumer: Consumer, places: list[TopicPartition]) -> dict[int, int]:
    found = consumer.offsets_for_times(places, timeout=_ANSWER_S)
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
        if place.offset < 0:
            raise LogUnavailable(f"the log did not say where {place.topic}:{place.partition} is")
    return {place.partition: place.offset for place in found}


def away(error: KafkaException) -> LogUnavailable:
    """Kafka's error as the port's."""
    return LogUnavailable(f"the log did not answer: {error}")


class Asker:
    """One group's client, which has no members; it asks one thing after the other."""

    def __init__(self, config: Config, group: str) -> None:
        self._thread = ThreadPoolExecutor(1, "kafka-asker")
        self._consumer: Any = Consumer(
            {
                **config,
                "group.id": group,
                "enable.auto.commit": False,
                "socket.timeout.ms": _REQUEST_MS,
            }
        )

    async def _ask(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except KafkaException as error:
            raise away(error) from error

    async def offsets(self, topic: str, partitions: Iterable[int], which: int) -> dict[int, int]:
        """Offsets of Kafka, FIRST or END."""
        wanted = list(partitions)
        return await self._ask(lambda: offsets(self._consumer, topic, wanted, which))

    async def commit(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Keep offsets under the group's name."""
        places = [TopicPartition(topic, partition, end) for partition, end in offsets.items()]
        answer = await self._ask(lambda: self._consumer.commit(offsets=places, asynchronous=False))
        for place in answer:
            if place.error is not None:
                raise LogUnavailable(f"the log did not take the commit: {place.error.str()}")

    async def committed(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """What `commit` kept; 0 where nothing is."""
        places = [TopicPartition(topic, partition) for partition in partitions]
        answer = await self._ask(lambda: self._consumer.committed(places, timeout=_ANSWER_S))
        for place in answer:
            if place.error is not None:
                raise LogUnavailable(f"the log did not answer: {place.error.str()}")
        # Kafka says -1001 where nothing was ever committed.
        return {place.partition: max(0, place.offset) for place in answer}

    async def holds(self, topics: Iterable[str], partitions: Iterable[int]) -> set[str]:
        """Of these topics, those on which the group has an offset. One request."""
        wanted = list(partitions)
        places = [TopicPartition(topic, partition) for topic in topics for partition in wanted]
        answer = await self._ask(lambda: self._consumer.committed(places, timeout=_ANSWER_S))
        # A topic that nobody made yet has no offsets. Any other error tells nothing: whoever trims
        # behind the groups must not take it for a group that is not there.
        for place in answer:
            if place.error is not None and place.error.code() not in _NOT_MADE:
                raise LogUnavailable(f"the log did not answer: {place.error.str()}")
        return {place.topic for place in answer if place.error is None and place.offset > 0}

    async def topics(self) -> dict[str, list[bool]]:
        """Every topic, and of each of its partitions whether it has a leader."""
        # Of all topics: asked for one, a cluster may make it, and not as we need it.
        cluster = await self._ask(lambda: self._consumer.list_topics(timeout=_ANSWER_S))
        return {
            name: [partition.leader >= 0 for partition in topic.partitions.values()]
            for name, topic in cluster.topics.items()
        }

    async def close(self) -> None:
        """Leave."""
        await self._ask(self._consumer.close)
        self._thread.shutdown(wait=False)


class Admin:
    """What only an admin client does."""

    def __init__(self, config: Config) -> None:
        self._client: Any = _library.AdminClient({**config, "socket.timeout.ms": _REQUEST_MS})

    async def groups(self) -> list[str]:
        """Every group of the cluster."""
        (found,) = await _all_of([self._client.list_consumer_groups(request_timeout=_NEVER_S)])
        return [group.group_id for group in found.valid]

    async def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Forget what stands before the offsets."""
        places = [TopicPartition(topic, partition, end) for partition, end in before.items()]
        await _all_of(self._client.delete_records(places, request_timeout=_NEVER_S).values())

    async def make_topics(self, partitions: int, topics: Mapping[str, Mapping[str, str]]) -> None:
        """Make topics, each with its settings, unless somebody just did.

        The number of replicas is the cluster's own.
        """
        wanted = [
            _library.NewTopic(name, partitions, replication_factor=-1, config=dict(config))
            for name, config in topics.items()
        ]
        asked = self._client.create_topics(wanted, request_timeout=_NEVER_S)
        for made in asked.values():
            try:
                await _all_of([made])
            except LogUnavailable as error:
                cause = error.__cause__
                if not isinstance(cause, KafkaException) or (
                    cause.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS
                ):
                    raise


async def _all_of(futures: Iterable[Future[Any]]) -> list[Any]:
    try:
        async with asyncio.timeout(_ADMIN_S):
            return await asyncio.gather(*map(asyncio.wrap_future, futures))
    except TimeoutError:
        raise LogUnavailable("the log did not answer in time") from None
    except KafkaException as error:
        raise away(error) from error
