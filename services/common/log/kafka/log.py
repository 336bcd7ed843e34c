"""The event log on Apache Kafka: one topic a topic, one Kafka record an entry.

Nothing here is transactional and topics are not compacted, so Kafka's offsets have no gaps: ours
are one more, dense from 1, and "committed through n" is what Kafka stores for "next is n".
Partitions are ours too (`services.common.partition`); Kafka's partitioner is never asked.

Groups are only names under which offsets are kept. Who reads which partition is settled by leases
(docs/contracts.md, 6), not by Kafka's rebalancing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from services.common.log.kafka import address
from services.common.log.kafka.asking import END, FIRST, Asker
from services.common.log.kafka.cursors import NO_GROUP, Cursors
from services.common.log.kafka.groups import Groups
from services.common.log.kafka.topics import Topics
from services.common.log.kafka.writer import Writer
from services.common.log.port import Append, Entry, LogUnavailable, encode_entry
from services.common.log.reading import EntryReader
from services.common.partition import PARTITIONS

_ALL = range(PARTITIONS)
# What is there is given within this, or the log is away.
_GIVE_S = 10.0


class KafkaLog:
    """EventLog over one cluster."""

    def __init__(self, url: str) -> None:
        self._address = address.parse(url)
        self._askers: dict[str, Asker] = {}
        self._asker = self._asker_of(NO_GROUP)
        self._groups = Groups(self._address)
        self._committed: dict[str, set[str]] = {}
        """Topics on which this client committed, by group."""
        self._topics = Topics(self._asker, self._address)
        self._writer = Writer(self._address)
        self._cursors = Cursors(self._address, EntryReader().entry)

    async def append(self, appends: Sequence[Append]) -> list[int]:
        if not appends:
            return []
        await self._topics.ensure(*{item.topic for item in appends})
        items = [
            (self._address.name(item.topic), item.partition, encode_entry(item.records))
            for item in appends
        ]
        try:
            return await self._writer.append(items)
        except LogUnavailable:
            self._topics.forget()  # it may be that somebody removed one
            raise

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int = 500, block_ms: int | None = None
    ) -> list[Entry]:
        if not after:
            return []
        name = await self._named(topic)
        through: dict[int, int] = {}
        wait_s = (block_ms or 0) / 1_000
        if not block_ms:
            # A fetch cannot tell "nothing there" from "not there yet".
            ends = await self._asker.offsets(name, after, END)
            through = {partition: end for partition, end in ends.items() if end > after[partition]}
            if not through:
                return []
            wait_s = _GIVE_S
        return await self._cursors.mine(topic).read(after, limit, through, wait_s)

    async def ends(self, topic: str) -> dict[int, int]:
        return await self._asker.offsets(await self._named(topic), _ALL, END)

    async def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        if offsets:
            await self._asker_of(group).commit(await self._named(topic), offsets)
            self._committed.setdefault(group, set()).add(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        return await self._asker_of(group).committed(await self._named(topic), _ALL)

    async def groups(self, topic: str) -> list[str]:
        """Every group that has an offset on the topic; trimming stays behind the slowest.

        One that is new to the cluster's other users may go unnoticed for a minute; our own commits
        are known at once.
        """
        own = {group for group, topics in self._committed.items() if topic in topics}
        return sorted(own | await self._groups.on(topic))

    def _asker_of(self, group: str) -> Asker:
        if group not in self._askers:
            self._askers[group] = Asker(self._address.config, self._address.name(group))
        return self._askers[group]

    async def trim(self, topic: str, through: Mapping[int, int]) -> int:
        if not through:
            return 0
        name = await self._named(topic)
        first = await self._asker.offsets(name, through, FIRST)
        ends = await self._asker.offsets(name, through, END)
        # Kafka refuses to forget what is not written yet.
        further = {
            partition: last
            for partition, end in through.items()
            if (last := min(end, ends[partition])) > first[partition]
        }
        if further:
            await self._groups.admin().delete_records(name, further)
        return sum(end - first[partition] for partition, end in further.items())

    async def _named(self, topic: str) -> str:
        """The cluster's name of a topic that is there."""
        await self._topics.ensure(topic)
        return self._address.name(topic)

    async def fullness(self) -> float:
        """Share of this client's own room that waits to be delivered, 0 to 1.

        librdkafka cannot ask brokers how much of their disks is in use. A full one refuses appends:
        they pile up here, and above 0.8 the edge takes no more.
        """
        return self._writer.fullness

    async def close(self) -> None:
        await self._cursors.close()
        await asyncio.gather(*(asker.close() for asker in self._askers.values()))
        await asyncio.to_thread(self._writer.close)
