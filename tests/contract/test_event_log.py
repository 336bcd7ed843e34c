"""What every adapter of the event log must do. One suite; adapters are its parameters."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.common.log import Append, EventLog, LogUnavailable, Record, open_log
from tests.engines.logs import empty_log

TOPIC = "behavior.v1"


@pytest_asyncio.fixture(params=["valkey", "kafka", "kafka-mock"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[EventLog]:
    with empty_log(request, request.param) as url:
        opened = open_log(url)
        yield opened
        await opened.close()


not_on_the_mock = pytest.mark.parametrize("log", ["valkey", "kafka"], indirect=True)
"""For what librdkafka's mock cluster does not know."""


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


@not_on_the_mock
async def test_groups_are_those_that_ever_committed_on_the_topic(log: EventLog):
    await log.commit("two", TOPIC, {3: 7})
    await log.commit("one", TOPIC, {4: 1})
    await log.commit("three", "emotion.v1", {3: 7})
    assert await log.groups(TOPIC) == ["one", "two"]


@not_on_the_mock
async def test_trimming_forgets_the_past_and_keeps_the_count(log: EventLog):
    await log.append([append(0, bytes([value])) for value in range(5)])
    assert await log.trim(TOPIC, {0: 3}) == 3
    assert [entry.offset for entry in await log.read(TOPIC, {0: 0})] == [4, 5]
    assert await log.trim(TOPIC, {0: 5}) == 2
    assert await log.append([append(0, b"next")]) == [6]


@not_on_the_mock
async def test_a_reader_that_was_trimmed_past_goes_on_with_what_is_left(log: EventLog):
    await log.append([append(0, bytes([value])) for value in range(6)])
    await log.trim(TOPIC, {0: 4})
    waiting = await log.read(TOPIC, {0: 0, 1: 0}, block_ms=5_000)
    assert [entry.offset for entry in waiting] == [5, 6]
    assert [entry.offset for entry in await log.read(TOPIC, {0: 2}, limit=1)] == [5]


@not_on_the_mock
async def test_trimming_further_than_the_log_goes_empties_it(log: EventLog):
    await log.append([append(0, b"a"), append(0, b"b")])
    assert await log.trim(TOPIC, {0: 9}) == 2
    assert await log.trim(TOPIC, {0: 9}) == 0
    assert await log.read(TOPIC, {0: 0}) == []
    assert (await log.ends(TOPIC))[0] == 2


async def test_topics_do_not_mix(log: EventLog):
    await log.append([append(0, b"a"), Append("emotion.v1", 0, [Record(b"k", b"e")])])
    assert [e.records[0].value for e in await log.read("emotion.v1", {0: 0})] == [b"e"]


async def test_concurrent_appends_get_each_its_own_offset(log: EventLog):
    answers = await asyncio.gather(*(log.append([append(0, b"x")]) for _ in range(100)))
    assert sorted(offset for (offset,) in answers) == list(range(1, 101))


async def test_a_place_beyond_the_end_has_nothing_until_the_log_gets_there(log: EventLog):
    await log.append([append(0, b"a")])
    assert await log.read(TOPIC, {0: 3}) == []
    assert await log.read(TOPIC, {0: 3}, block_ms=300) == []
    await log.append([append(0, b"b"), append(0, b"c"), append(0, b"d")])
    assert [entry.offset for entry in await log.read(TOPIC, {0: 3}, block_ms=5_000)] == [4]


async def test_one_reader_goes_back_while_another_goes_on(log: EventLog):
    await log.append([append(0, bytes([value])) for value in range(5)])

    async def offsets(*places: int) -> list[list[int]]:
        return [
            [entry.offset for entry in await log.read(TOPIC, {0: place}, limit=2)]
            for place in places
        ]

    there, back = await asyncio.gather(offsets(0, 2, 4), offsets(3, 0, 3, 1))
    assert there == [[1, 2], [3, 4], [5]]
    assert back == [[4, 5], [1, 2], [4, 5], [2, 3]]


async def test_a_little_of_many_long_partitions_is_read_at_once(log: EventLog):
    every = range(64)
    for _ in range(5):
        await log.append([append(partition, b"x") for partition in every for _ in range(40)])
    for place in (0, 150, 1):
        entries = await log.read(TOPIC, dict.fromkeys(every, place), limit=2)
        found = {(entry.partition, entry.offset) for entry in entries}
        assert found >= {(partition, place + 1) for partition in every}


async def test_what_others_append_is_read_without_waiting(log: EventLog):
    place = 0
    for value in range(5):
        await log.append([append(7, bytes([value]))])
        entries = await log.read(TOPIC, {partition: 0 for partition in range(64)} | {7: place})
        assert [entry.records[0].value for entry in entries] == [bytes([value])]
        place = entries[-1].offset


@not_on_the_mock
async def test_a_large_entry_comes_back_whole(log: EventLog):
    value = os.urandom(10 * 1024 * 1024)
    await log.append([append(0, value), append(0, b"small")])
    entries = [entry for place in (0, 1) for entry in await log.read(TOPIC, {0: place}, limit=1)]
    assert [entry.records[0].value == value for entry in entries] == [True, False]


async def test_a_read_that_is_given_up_loses_nothing(log: EventLog):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await log.read(TOPIC, {0: 0}, block_ms=5_000)
    await log.append([append(0, b"a")])
    assert [entry.offset for entry in await log.read(TOPIC, {0: 0}, block_ms=5_000)] == [1]


@pytest.mark.parametrize("scheme", ["redis", "kafka"])
async def test_an_engine_that_is_away_is_named_so(unused_tcp_port: int, scheme: str):
    away = open_log(f"{scheme}://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(LogUnavailable):
        await away.append([append(0, b"a")])
    with pytest.raises(LogUnavailable):
        await away.read(TOPIC, {0: 0})
    await away.close()


def _of_kafka() -> int:
    """Threads of Kafka's clients in this process."""
    names: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            names.append((task / "comm").read_text())
    return sum(name.startswith("rdk:") for name in names)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are not told here")
async def test_nothing_of_a_client_is_left_once_it_is_closed(request: pytest.FixtureRequest):
    """Not for the garbage collector: whoever runs it would wait for librdkafka."""
    with empty_log(request, "kafka-mock") as url:
        gc.collect()
        before = _of_kafka()
        log = open_log(url)
        await log.append([append(0, b"a")])
        assert len(await log.read(TOPIC, {0: 0}, block_ms=5_000)) == 1
        assert _of_kafka() > before
        gc.disable()
        try:
            await log.close()
            async with asyncio.timeout(5):
                while _of_kafka() > before:  # Linux shows a thread a moment longer than it lives
                    await asyncio.sleep(0.01)
        finally:
            gc.enable()
