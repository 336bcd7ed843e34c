"""Two readers share what either reads: each gets every entry, in order, whatever the other does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from services.common.log import Entry
from services.pipeline.shared_reads import SharedReads

_PARTITIONS: tuple[int, ...] = (0, 1, 2)


class Log:
    """What the log does, as plainly as it can be said."""

    def __init__(self) -> None:
        self.entries: dict[int, list[Entry]] = {partition: [] for partition in _PARTITIONS}
        self.reads = 0

    def append(self, partition: int) -> None:
        """Write one entry."""
        held = self.entries[partition]
        held.append(Entry(partition, held[-1].offset + 1 if held else 1, []))

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int, block_ms: int | None
    ) -> list[Entry]:
        """Read, in the middle of which others come to their turn."""
        self.reads += 1
        found = [
            entry
            for partition, offset in after.items()
            for entry in [e for e in self.entries[partition] if e.offset > offset][:limit]
        ]
        await asyncio.sleep(0)
        return found


class Reader:
    """Reads on from where it is."""

    def __init__(self, reads: SharedReads) -> None:
        self._reads = reads
        self.place: dict[int, int] = dict.fromkeys(_PARTITIONS, 0)

    async def read(self, limit: int) -> bool:
        """Read on, without a gap or a repetition; whether there was anything."""
        entries = await self._reads.read(self.place, limit=limit, block_ms=None)
        for entry in entries:
            assert entry.offset == self.place[entry.partition] + 1
            self.place[entry.partition] = entry.offset
        return bool(entries)


def shared(log: Log, most: int) -> SharedReads:
    return SharedReads(cast("Any", log), "topic", most=most)


_READERS: tuple[tuple[int, ...], ...] = ((0,), (1,), (0, 1), (1, 0))
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("append", "read", "restart")),
        st.sampled_from(_PARTITIONS),
        st.sampled_from(_READERS),
    ),
    max_size=60,
)


@given(_STEPS, st.integers(1, 5), st.integers(1, 4))
def test_each_reader_gets_everything_in_order(
    steps: list[tuple[str, int, tuple[int, ...]]], most: int, limit: int
) -> None:
    async def story() -> None:
        log = Log()
        reads = shared(log, most)
        readers = [Reader(reads), Reader(reads)]
        for what, partition, who in steps:
            match what:
                case "append":
                    log.append(partition)
                case "read":
                    await asyncio.gather(*(readers[number].read(limit) for number in who))
                case _:
                    readers[who[0]].place = dict.fromkeys(_PARTITIONS, 0)
        ends = {partition: len(held) for partition, held in log.entries.items()}
        for reader in readers:
            while await reader.read(limit):
                pass
            assert reader.place == ends

    asyncio.run(story())


def test_the_second_reader_costs_the_log_nothing() -> None:
    async def story() -> None:
        log = Log()
        reads = shared(log, 64)
        readers = [Reader(reads), Reader(reads)]
        for reader in readers:
            await reader.read(10)
        before = log.reads
        for partition in _PARTITIONS:
            log.append(partition)
        assert await readers[0].read(10)
        assert await readers[1].read(10)
        assert log.reads == before + 1

    asyncio.run(story())


def test_a_reader_that_is_behind_in_one_partition_reads_the_log() -> None:
    async def story() -> None:
        log = Log()
        reads = shared(log, 64)
        ahead, behind = Reader(reads), Reader(reads)
        log.append(1)
        ahead.place[1] = 1
        for _ in range(3):
            log.append(0)
            await ahead.read(10)
            await behind.read(10)
        assert behind.place == {0: 3, 1: 1, 2: 0}

    asyncio.run(story())
