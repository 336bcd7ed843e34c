"""TailEmotions on a real log: what a team sees live, at its own pace, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.detection.v1.emotion_pb2 import Emotion

from services.common.errors import Unavailable
from services.common.log import EMOTION, Append, Entry, Record
from services.common.log.valkey import ValkeyLog
from services.common.partition import partition_of, record_key
from services.pipeline.tail import Tails
from tests.integration.pipeline_line import Line, running_line
from tests.unit.services.pipeline.messages import emotion

Call = Any  # of grpc.aio, without stubs


@pytest.fixture
async def line(log_url: str, tmp_path: Path) -> AsyncGenerator[Line]:
    async with running_line(log_url, tmp_path) as running:
        yield running


async def tail(line: Line, tenant: str, **caller: str) -> Call:
    """A tail that has begun."""
    call = line.caller(caller.get("of", tenant), caller.get("role", "team")).TailEmotions(
        pb.TailEmotionsRequest(tenant_id=tenant)
    )
    await call.initial_metadata()
    return call


async def heard(call: Call, count: int) -> list[tuple[str, int]]:
    async with asyncio.timeout(20):
        emotions = [(await call.read()).emotion for _ in range(count)]
    return [(one.id, one.rev) for one in emotions]


async def refusal(call: Call) -> grpc.StatusCode:
    """The status with which a stream ends, whatever came before."""
    async with asyncio.timeout(20):
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for _ in call:
                pass
        code: grpc.StatusCode = await call.code()
        return code


async def test_emotions_of_the_tenant_come_from_now_on_and_once(line: Line):
    await line.append(EMOTION, emotion("before", tenant="acme"))
    call = await tail(line, "acme")
    second = emotion("e1", 2, tenant="acme")
    await line.append(EMOTION, emotion("e1", tenant="acme"), emotion("x", tenant="other"))
    await line.append(EMOTION, emotion("e1", tenant="acme"), second, second)
    partition = partition_of("acme", "s1")
    foreign = emotion("foreign", tenant="other").SerializeToString()
    garbage = [Record(record_key("acme", "s1"), value) for value in (b"\xff\xff", b"", foreign)]
    await line.log.append([Append(EMOTION, partition, garbage)])
    await line.append(EMOTION, emotion("last", tenant="acme"))
    assert await heard(call, 3) == [("e1", 1), ("e1", 2), ("last", 1)]
    call.cancel()


async def test_a_caller_that_reads_late_misses_nothing(line: Line):
    call = await tail(line, "late")
    for first in range(0, 5_000, 500):
        messages = [emotion(f"e{n}", tenant="late") for n in range(first, first + 500)]
        await line.append(EMOTION, *messages)
    assert await heard(call, 5_000) == [(f"e{n}", 1) for n in range(5_000)]
    call.cancel()


@pytest.mark.parametrize(
    ("tenant", "caller", "code"),
    [
        ("acme", {"of": "other"}, grpc.StatusCode.PERMISSION_DENIED),
        ("acme", {"role": "visitor"}, grpc.StatusCode.PERMISSION_DENIED),
        ("", {"of": "acme"}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_who_may_not(line: Line, tenant: str, caller: dict[str, str], code: grpc.StatusCode):
    assert await refusal(await tail(line, tenant, **caller)) is code


async def test_more_than_the_process_can_bear_are_refused_until_one_leaves(line: Line):
    calls = [await tail(line, "many") for _ in range(32)]
    assert await refusal(await tail(line, "many")) is grpc.StatusCode.RESOURCE_EXHAUSTED
    calls.pop().cancel()
    async with asyncio.timeout(10):
        while True:
            call = await tail(line, "many")
            with contextlib.suppress(TimeoutError):
                if await asyncio.wait_for(asyncio.shield(call.code()), 0.3):
                    continue
            break
    await line.append(EMOTION, emotion(tenant="many"))
    assert await heard(call, 1) == [("e1", 1)]
    for one in (call, *calls):
        one.cancel()


async def test_sigterm_ends_open_tails(line: Line):
    """One waits for an emotion, one for a caller who does not read."""
    idle, stuck = await tail(line, "idle"), await tail(line, "stuck")
    ending = asyncio.create_task(refusal(idle))
    big = emotion("e1", tenant="stuck")
    big.trigger = "x" * 200_000
    for rev in range(1, 60):
        big.rev = rev
        await line.append(EMOTION, big)
    assert await heard(stuck, 1) == [("e1", 1)]
    code = await asyncio.to_thread(line.running.stop)
    assert (code, await ending) == (0, grpc.StatusCode.UNAVAILABLE)


class CountedLog(ValkeyLog):
    """The real log; counts what is read of it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.entries_read = 0

    async def read(
        self, topic: str, after: Mapping[int, int], *, limit: int = 500, block_ms: int | None = None
    ) -> list[Entry]:
        entries = await super().read(topic, after, limit=limit, block_ms=block_ms)
        self.entries_read += len(entries)
        return entries


@pytest.fixture
async def log(log_url: str) -> AsyncIterator[CountedLog]:
    opened = CountedLog(log_url)
    yield opened
    await opened.close()


def of_one_session(count: int) -> list[Append]:
    """Appends of emotions e0, e1, … to one partition."""
    return [
        Append(
            EMOTION,
            partition_of("acme", "s1"),
            [Record(record_key("acme", "s1"), emotion(f"e{n}").SerializeToString())],
        )
        for n in range(count)
    ]


async def test_nothing_is_read_ahead_of_the_caller(log: CountedLog):
    tails = Tails(log)
    following = tails.follow("acme", await tails.end())
    await log.append(of_one_session(1_000))
    emotions: list[Emotion] = []
    async for one, _ in following:
        emotions.append(one)
        assert log.entries_read <= len(emotions) + 15
        if len(emotions) == 1_000:
            break
    assert [one.id for one in emotions] == [f"e{n}" for n in range(1_000)]


async def test_who_falls_behind_the_trimmer_is_told(log: CountedLog):
    tails = Tails(log)
    place = await tails.end()
    await log.append(of_one_session(4))
    partition = partition_of("acme", "s1")
    await log.trim(EMOTION, {partition: (await log.ends(EMOTION))[partition] - 2})
    following = tails.follow("acme", place)
    assert [await anext(following) for _ in range(2)] == [
        (emotion("e2"), True),
        (emotion("e3"), False),
    ]
    tails.stop()
    with pytest.raises(Unavailable):
        await anext(following)
