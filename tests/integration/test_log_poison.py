"""Poison in a partition, on either log: a dead letter that says why, and the partition goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.common import valkey
from services.common.consumer import Consumer, Delivery
from services.common.log import EMOTION, Append, EventLog, Record, open_log
from services.common.log.port import encode_entry, session_append
from services.common.partition import partition_of
from services.pipeline.decode import decode_emotion
from tests.engines.logs import empty_log
from tests.engines.raw_log import append_garbage
from tests.unit.services.pipeline.messages import emotion

PARTITION = partition_of("acme", "s1")
GOOD = emotion(tenant="acme").SerializeToString()
MB = 1024 * 1024


@pytest.fixture(params=["valkey", "kafka"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, request.param) as found:
        yield found


@asynccontextmanager
async def _running(consumer: Consumer[Any]) -> AsyncGenerator[None]:
    running = asyncio.create_task(consumer.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def record(value: bytes, schema: str = "emotion.v1/1") -> Record:
    return Record(b"acme\x00s1", value, {"schema": schema})


async def test_each_kind_is_set_aside_with_its_reason(url: str) -> None:
    log = open_log(url)
    poison = [
        record(GOOD[:-3]),
        record(GOOD, "decision.v1/1"),
        record(GOOD, "emotion.v1/2"),
        record(GOOD, "none"),
        record(os.urandom(10 * MB)),
    ]
    applied: list[Any] = []
    reached = asyncio.Event()

    async def take(deliveries: list[Delivery[Any]]) -> None:
        applied.extend(deliveries)
        reached.set()

    for one in poison:
        await log.append([Append(EMOTION, PARTITION, [one])])
    await append_garbage(url, EMOTION, PARTITION, encode_entry([record(GOOD)])[:-5])
    await append_garbage(url, EMOTION, PARTITION, os.urandom(10 * MB))
    await log.append([session_append(EMOTION, "acme", "s1", GOOD, {"schema": "emotion.v1/1"})])
    consumer = Consumer(log, group="analytics", topic=EMOTION, decode=decode_emotion, handle=take)
    async with _running(consumer):
        await asyncio.wait_for(reached.wait(), 60)
        await asyncio.wait_for(consumer.caught_up.wait(), 60)
    assert [delivery.offset for delivery in applied] == [8]
    letters: list[Record] = []
    place = 0
    while entries := await log.read(f"{EMOTION}.dead", {PARTITION: place}, limit=1):
        letters += entries[0].records
        place = entries[0].offset
    await log.close()
    assert [letter.value for letter in letters[:5]] == [one.value for one in poison]
    reasons = [letter.headers["reason"] for letter in letters]
    assert len(reasons) == 7
    assert all(reasons)
    assert reasons[1] == "schema 'decision.v1/1', expected emotion.v1/1"
    assert reasons[2].startswith("schema emotion.v1/2 is newer than this reader")
    assert reasons[3] == "schema 'none', expected emotion.v1/1"
    assert reasons[5:] == ["unreadable entry", "unreadable entry"]


class _Around:
    """A log that passes on whatever is asked of it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class _SlowToBury(_Around):
    """A log that takes dead letters when it is let to: their topic is being made, say."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    async def append(self, appends: Sequence[Append]) -> list[int]:
        if any(one.topic.endswith(".dead") for one in appends):
            self.asked.set()
            await self.let.wait()
        return await self._log.append(appends)


class _Counting(_Around):
    """A log that remembers how many dead letters it was given at once."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(log)
        self.letters: list[int] = []

    async def append(self, appends: Sequence[Append]) -> list[int]:
        self.letters.append(len(appends))
        return await self._log.append(appends)


async def test_letters_of_a_large_batch_are_written_in_portions(url: str) -> None:
    log = open_log(url)
    counting: Any = _Counting(log)
    await log.append([Append(EMOTION, PARTITION, [record(GOOD[:-3])]) for _ in range(2_500)])

    async def take(_: list[Delivery[Any]]) -> None:
        raise AssertionError("nothing can be applied")

    consumer = Consumer(
        counting, group="analytics", topic=EMOTION, decode=decode_emotion, handle=take, most=3_000,
        linger_s=60.0,
    )  # fmt: skip
    async with _running(consumer):
        await asyncio.wait_for(consumer.caught_up.wait(), 60)
    written = await log.ends(f"{EMOTION}.dead")
    await log.close()
    assert counting.letters == [1_000, 1_000, 500]
    assert consumer.dead == sum(written.values()) == 2_500


async def test_what_follows_poison_does_not_wait_for_its_letter(url: str) -> None:
    log = open_log(url)
    slow: Any = _SlowToBury(log)
    applied: asyncio.Queue[int] = asyncio.Queue()

    async def take(deliveries: list[Delivery[Any]]) -> None:
        for delivery in deliveries:
            await applied.put(delivery.offset)

    await log.append([Append(EMOTION, PARTITION, [record(GOOD[:-3])])])
    consumer = Consumer(slow, group="analytics", topic=EMOTION, decode=decode_emotion, handle=take)
    async with _running(consumer):
        async with asyncio.timeout(60):
            await slow.asked.wait()
            await log.append([Append(EMOTION, PARTITION, [record(GOOD)])])
            assert await applied.get() == 2
            # Nobody forgets a record that is in no letter yet.
            assert (await log.committed("analytics", EMOTION))[PARTITION] == 0
            assert not consumer.caught_up.is_set()
            slow.let.set()
            await consumer.caught_up.wait()
        assert (await log.committed("analytics", EMOTION))[PARTITION] == 2
        (letter,) = await log.read(f"{EMOTION}.dead", {PARTITION: 0})
        assert letter.records[0].value == GOOD[:-3]
        await log.close()


class _NextReadFirst:
    """A log that has a dead letter only once the next batch is read, and notes what is committed.

    So it is with every batch of a topic in which each has its poison.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._read = asyncio.Event()
        self.committed_places: list[dict[int, int]] = []

    async def read(self, *args: Any, **kwargs: Any) -> list[Any]:
        entries = await self._log.read(*args, **kwargs)
        self._read.set()
        return entries

    async def append(self, appends: Sequence[Append]) -> list[int]:
        self._read.clear()
        await self._read.wait()
        return await self._log.append(appends)

    async def commit(self, group: str, topic: str, offsets: dict[int, int]) -> None:
        self.committed_places.append(dict(offsets))
        await self._log.commit(group, topic, offsets)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


async def test_poison_in_every_batch_does_not_hold_commits_up(log_url: str) -> None:
    log = open_log(log_url)
    slow: Any = _NextReadFirst(log)
    poison = Append(EMOTION, PARTITION, [record(GOOD[:-3])])
    places = [place for _ in range(4) for place in await log.append([poison])]

    async def take(deliveries: list[Delivery[Any]]) -> None:
        raise AssertionError(deliveries)

    consumer = Consumer(
        slow, group="analytics", topic=EMOTION, decode=decode_emotion, handle=take, limit=1
    )
    async with _running(consumer):
        await asyncio.wait_for(consumer.caught_up.wait(), 60)
        await log.close()
    assert slow.committed_places == [{PARTITION: place} for place in places]


async def test_an_entry_without_our_field_is_set_aside_too(log_url: str) -> None:
    """Of a stream of Valkey's, into which anybody may write."""
    log = open_log(log_url)
    client = valkey.connect(log_url)
    name = f"siq:log:foreign:{PARTITION}"
    applied: asyncio.Queue[int] = asyncio.Queue()

    async def take(deliveries: list[Delivery[bytes]]) -> None:
        for delivery in deliveries:
            await applied.put(delivery.offset)

    consumer = Consumer(log, group="g", topic="foreign", decode=bytes, handle=take)
    async with _running(consumer):
        offset = await client.hincrby("siq:log:next", name, 1)
        await client.xadd(name, {"other": b"x"}, id=f"{offset}-0")
        await log.append([Append("foreign", PARTITION, [Record(b"", b"good")])])
        async with asyncio.timeout(60):
            assert await applied.get() == offset + 1
            (letter,) = await log.read("foreign.dead", {PARTITION: 0}, block_ms=10_000)
        assert letter.records[0].headers["reason"] == "unreadable entry"
        await client.aclose()
        await log.close()
