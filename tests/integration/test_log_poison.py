"""Poison in a partition, on either log: a dead letter that says why, and the partition goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.consumer import Consumer, Delivery
from services.common.log import EMOTION, Append, Record, open_log
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
    running = asyncio.create_task(consumer.run())
    try:
        await asyncio.wait_for(reached.wait(), 60)
        await asyncio.wait_for(consumer.caught_up.wait(), 60)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
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
