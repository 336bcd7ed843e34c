"""The log's writer: rounds, room, and whether it is well."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio

import edge.writer
from edge.places import place_of
from edge.pressure import Pressure
from edge.streams import StreamRecord
from edge.writer import Appended, LogWriter
from services.common.log import BEHAVIOR, OUTCOME, Append, LogUnavailable


class Log:
    """A log that takes what it is given, when it is told to."""

    def __init__(self) -> None:
        self.taken: list[Append] = []
        self.away = False
        self.share = 0.0

    async def append(self, appends: Sequence[Append]) -> list[int]:
        if self.away:
            raise LogUnavailable("away")
        self.taken += appends
        return list(range(1, len(appends) + 1))

    async def fullness(self) -> float:
        return self.share


class Line:
    """A writer and what it told."""

    def __init__(self, max_bytes: int = 1_000) -> None:
        self.log = Log()
        self.pressure = Pressure()
        self.behavior: list[Appended] = []
        self.others: list[Any] = []
        self.writer = LogWriter(
            cast("Any", self.log),
            max_bytes=max_bytes,
            on_behavior=self.behavior.extend,
            on_other=self.others.append,
            pressure=self.pressure,
        )

    def put(self, size: int, seq: int, session: str = "s", topic: str = BEHAVIOR) -> StreamRecord:
        stream = StreamRecord()
        self.writer.put(topic, place_of("t", session), b"x" * size, seq=seq, stream=stream)
        return stream


@pytest_asyncio.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(edge.writer, "_RETRY_S", (0.01,))
    monkeypatch.setattr(edge.writer, "_FULLNESS_S", 0.01)
    line = Line()
    tasks = [
        asyncio.create_task(line.writer.run()),
        asyncio.create_task(line.writer.watch_fullness()),
    ]
    yield line
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


async def test_a_round_is_one_entry_a_partition_and_acknowledges_its_streams(line: Line):
    streams = [line.put(10, 1, f"s{n}") for n in range(200)]
    line.put(10, 1, "s0", OUTCOME)
    await line.writer.flushed()
    partitions = [append.partition for append in line.log.taken if append.topic == BEHAVIOR]
    assert len(partitions) == len(set(partitions))
    assert sum(len(append.records) for append in line.log.taken) == 201
    assert [stream.acked for stream in streams] == [1] * 200
    assert sum(len(entry.batches) for entry in line.behavior) == 200
    assert len(line.others) == 1


async def test_short_of_room_pages_wait_and_less_is_taken(line: Line):
    line.log.away = True
    assert not line.pressure.high
    line.put(501, 1)
    assert line.pressure.high
    assert not line.writer.full
    line.put(499, 2)
    assert line.writer.full
    waiting = asyncio.create_task(line.writer.room())
    await until(lambda: line.writer.failures > 0)
    assert not line.writer.well
    assert not waiting.done()
    line.log.away = False
    await waiting
    assert not line.pressure.high
    assert line.writer.well


async def test_what_piled_up_goes_in_rounds_of_a_bounded_size(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(edge.writer, "_ROUND_BYTES", 1_000)
    line.log.away = True
    streams = [line.put(100, seq) for seq in range(1, 101)]
    await until(lambda: line.writer.failures > 0)
    line.log.away = False
    await line.writer.flushed()
    assert max(len(append.records) for append in line.log.taken) <= 10
    assert sum(len(append.records) for append in line.log.taken) == 100
    assert [stream.acked for stream in streams] == list(range(1, 101))
    assert line.writer.buffered_bytes == 0


@pytest.mark.parametrize("size", [50, 1_000])
async def test_the_buffer_counts_what_it_takes(size: int):
    writer = Line(max_bytes=1 << 30).writer
    stream, place = StreamRecord(), place_of("t", "s")
    gc.collect()
    tracemalloc.start()
    try:
        for seq in range(1_000, 21_000):
            writer.put(BEHAVIOR, place, bytes(size), seq=seq, stream=stream)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * writer.buffered_bytes < taken <= writer.buffered_bytes


async def test_a_log_that_is_nearly_full_holds_pages_until_it_is_read(line: Line):
    line.log.share = 0.81
    await until(lambda: line.writer.full)
    waiting = asyncio.create_task(line.writer.room())
    stream = line.put(10, 1)  # what was accepted before still goes in
    await until(lambda: stream.acked == 1)
    await asyncio.sleep(0.03)
    assert not waiting.done()
    line.log.share = 0.5
    await waiting
    assert line.writer.well


async def test_what_was_put_is_flushed_though_more_keeps_coming(line: Line):
    async def keep_putting() -> None:
        seq = 1
        while True:
            seq += 1
            line.put(10, seq, "busy")
            await asyncio.sleep(0)

    putting = asyncio.create_task(keep_putting())
    try:
        stream = line.put(10, 1, "mine")
        async with asyncio.timeout(5):
            await line.writer.flushed()
        assert stream.acked == 1
    finally:
        putting.cancel()


@pytest.mark.parametrize(("messages", "rest_s"), [(31, 0.004), (32, 0.008)])
async def test_after_a_large_round_more_may_share_the_next(
    line: Line, monkeypatch: pytest.MonkeyPatch, messages: int, rest_s: float
) -> None:
    pauses: list[float] = []
    yielding = asyncio.sleep

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        await yielding(0)

    # The writer's own alone: with the clock of all, no timer of this loop would ever be due.
    clock = SimpleNamespace(monotonic=lambda: 100.0, time_ns=time.time_ns)
    monkeypatch.setattr(edge.writer, "time", clock)
    monkeypatch.setattr(edge.writer, "asyncio", SimpleNamespace(Event=asyncio.Event, sleep=sleep))
    for n in range(messages):
        line.put(1, 1, f"s{n}")
    await line.writer.flushed()
    pauses.clear()
    line.put(1, 1)
    await line.writer.flushed()
    assert rest_s in [round(pause_s, 6) for pause_s in pauses]
