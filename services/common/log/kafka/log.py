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
from services.common.log.kafka.asking import END, FIRST, Admin, Asker
from services.common.log.kafka.cursors import NO_GROUP, Cursors
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
        self._admin: Admin | None = None
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

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        return await self._asker_of(group).committed(await self._named(topic), _ALL)

    async def groups(self, topic: str) -> list[str]:
        """Every group that has an offset on the topic; trimming stays behind the slowest."""
        ours = [
            plain
            for group in await self._administrator().groups()
            if (plain := self._address.plain(group)) is not None
        ]
        places = await asyncio.gather(*(self.committed(group, topic) for group in ours))
        return sorted(
            group for group, place in zip(ours, places, strict=True) if any(place.values())
        )

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
            await self._administrator().delete_records(name, further)
        return sum(end - first[partition] for partition, end in further.items())

    def _administrator(self) -> Admin:
        if self._admin is None:  # most clients never need it
            self._admin = Admin(self._address.config)
        return self._admin

    async def _named(self, topic: str) -> str:
        """The cluster's name of a topic that is there."""
        await self._topics.ensure(topic)
        return self._address.name(topic)

    async def fullness(self) -> float:
        """0: Kafka does not tell its clients; a full disk refuses appends, and they wait."""
        return 0.0

    async def close(self) -> None:
        await self._cursors.close()
        await asyncio.gather(*(asker.close() for asker in self._askers.values()))
        await asyncio.to_thread(self._writer.close)
