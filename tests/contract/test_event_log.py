"""What every adapter of the event log must do. One suite; adapters are its parameters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.common.log import Append, EventLog, LogUnavailable, Record, open_log
from tests.engines.fixtures import Engines

TOPIC = "behavior.v1"


@pytest_asyncio.fixture(params=["valkey"])
async def log(engines: Engines, log_url: str) -> AsyncIterator[EventLog]:
    engines.log.ask("FLUSHALL")
    opened = open_log(log_url)
    yield opened
    await opened.close()


def append(partition: int, *values: bytes) -> Append:
    return Append(TOPIC, partition, [Record(b"k", value, {"schema": "x/1"}) for value in values])


async def test_offsets_are_dense_and_per_partition(log: EventLog):
    assert await log.append([append(0, b"a"), append(1, b"b"), append(0, b"c")]) == [1, 1, 2]
    assert await log.append([append(0, b"d")]) == [3]


async def test_what_was_appended_is_read_in_order(log: EventLog):
    await log.append([append(0, b"a", b"b"), append(0, b"c"), append(5, b"d")])
    entries = await log.read(TOPIC, {0: 0, 5: 0})
    assert [(e.partition, e.offset, [r.value for r in e.records]) for e in entries] == [
        (0, 1, [b"a", b"b"]),
        (0, 2, [b"c"]),
        (5, 1, [b"d"]),
    ]
    assert entries[0].records[0] == Record(b"k", b"a", {"schema": "x/1"})


async def test_reading_goes_on_after_an_offset(log: EventLog):
    await log.append([append(0, bytes([value])) for value in range(10)])
    first = await log.read(TOPIC, {0: 0}, limit=4)
    rest = await log.read(TOPIC, {0: first[-1].offset})
    assert [entry.offset for entry in first + rest] == list(range(1, 11))


async def test_a_blocking_read_returns_with_the_first_append(log: EventLog):
    reading = asyncio.create_task(log.read(TOPIC, {0: 0, 1: 0}, block_ms=5_000))
    await asyncio.sleep(0)
    await log.append([append(1, b"x")])
    assert [entry.partition for entry in await reading] == [1]


async def test_a_blocking_read_gives_up(log: EventLog):
    assert await log.read(TOPIC, {0: 0}, block_ms=10) == []


async def test_ends_are_the_last_offsets(log: EventLog):
    await log.append([append(3, b"a"), append(3, b"b")])
    ends = await log.ends(TOPIC)
    assert (ends[3], ends[4], len(ends)) == (2, 0, 64)


async def test_commits_are_per_group_and_remembered(log: EventLog):
    await log.commit("one", TOPIC, {3: 7, 4: 9})
    await log.commit("one", TOPIC, {3: 8})
    assert (await log.committed("one", TOPIC))[3] == 8
    assert (await log.committed("one", TOPIC))[4] == 9
    assert (await log.committed("two", TOPIC))[3] == 0
    assert await log.groups(TOPIC) == ["one"]


async def test_trimming_forgets_the_past_and_keeps_the_count(log: EventLog):
    await log.append([append(0, bytes([value])) for value in range(5)])
    assert await log.trim(TOPIC, {0: 3}) == 3
    assert [entry.offset for entry in await log.read(TOPIC, {0: 0})] == [4, 5]
    assert await log.trim(TOPIC, {0: 5}) == 2
    assert await log.append([append(0, b"next")]) == [6]


async def test_topics_do_not_mix(log: EventLog):
    await log.append([append(0, b"a"), Append("emotion.v1", 0, [Record(b"k", b"e")])])
    assert [e.records[0].value for e in await log.read("emotion.v1", {0: 0})] == [b"e"]


async def test_concurrent_appends_get_each_its_own_offset(log: EventLog):
    answers = await asyncio.gather(*(log.append([append(0, b"x")]) for _ in range(100)))
    assert sorted(offset for (offset,) in answers) == list(range(1, 101))


async def test_an_engine_that_is_away_is_named_so(unused_tcp_port: int):
    away = open_log(f"redis://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(LogUnavailable):
        await away.append([append(0, b"a")])
    with pytest.raises(LogUnavailable):
        await away.read(TOPIC, {0: 0})
    await away.close()
