"""The log's engine stands still under load: writers wait, readers wait, and both go on alone.

The process is stopped (SIGSTOP): connections stay open and nothing answers, the harder case.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from services.common.consumer import Consumer, Delivery
from services.common.log import OUTCOME, Append, LogUnavailable, Record, open_log
from tests.engines.fixtures import Engines
from tests.engines.logs import empty_log

ENTRIES = 300
EVERY_S = 0.02


@pytest.fixture(params=["valkey", "kafka"])
def engine(request: pytest.FixtureRequest, engines: Engines) -> Iterator[tuple[str, int]]:
    """A log, and the process that is its engine."""
    with empty_log(request, request.param) as url:
        pid = engines.log.pid if request.param == "valkey" else engines.kafka.pid
        assert pid is not None
        yield url, pid


async def through(engine: tuple[str, int], away_s: float) -> tuple[list[int], int]:
    """Write and read while the engine is away. What was read, and how often writing failed."""
    url, pid = engine
    log = open_log(url)
    read: list[int] = []
    failures = 0

    async def take(deliveries: list[Delivery[Any]]) -> None:
        read.extend(int(delivery.message) for delivery in deliveries)

    async def write() -> None:
        nonlocal failures
        for number in range(ENTRIES):
            item = Append(OUTCOME, number % 64, [Record(b"k", str(number).encode())])
            while True:
                try:
                    await log.append([item])
                    break
                except LogUnavailable:
                    failures += 1
                    await asyncio.sleep(0.1)
            await asyncio.sleep(EVERY_S)

    consumer = Consumer(log, group="archive", topic=OUTCOME, decode=bytes.decode, handle=take)
    await log.ends(OUTCOME)
    reading = asyncio.create_task(consumer.run())
    writing = asyncio.create_task(write())
    try:
        async with asyncio.timeout(60):
            while len(read) < 20:
                await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(away_s)
            assert not reading.done()
            assert not writing.done()
            written = len(read)
        finally:
            os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(90):
            await writing
            while len(set(read)) < ENTRIES:
                await asyncio.sleep(0.05)
        assert written < ENTRIES
    finally:
        for task in (reading, writing):
            task.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)
        await log.close()
    return read, failures


async def test_five_seconds_are_waited_out(engine: tuple[str, int]) -> None:
    read, _ = await through(engine, 5.0)
    assert set(read) == set(range(ENTRIES))


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_minute_is_waited_out_and_writers_are_told(engine: tuple[str, int]) -> None:
    read, failures = await through(engine, 60.0)
    assert set(read) == set(range(ENTRIES))
    # Kafka's client gives up after seconds and says so; Valkey's waits for its answer.
    assert failures or engine[0].startswith("unix")
