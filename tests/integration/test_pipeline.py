"""The pipeline as a process: a real log in, real analytics and a real archive out."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from sentientiq.analytics.v1 import query_service_pb2 as apb

from services.common.consumer import Consumer, Delivery
from services.common.log import (
    BEHAVIOR,
    DECISION,
    EMOTION,
    IDENTITY,
    OUTCOME,
    Append,
    Entry,
    EventLog,
    Record,
    open_log,
)
from services.common.partition import PARTITIONS
from services.pipeline.trimmer import EXPECTED_GROUPS, Trimmer
from tests.integration.pipeline_line import ROWS_A_BATCH, Line, running_line
from tests.unit.services.pipeline.messages import (
    batch,
    decision,
    emotion,
    identify,
    outcome,
)


@pytest.fixture
async def line(log_url: str, tmp_path: Path) -> AsyncGenerator[Line]:
    async with running_line(log_url, tmp_path) as running:
        yield running


async def test_everything_arrives_in_analytics_and_archive(line: Line) -> None:
    begun = time.monotonic()
    await line.append(BEHAVIOR, batch(1, tenant="all"), batch(2, tenant="all"))
    await line.append(IDENTITY, identify(3, tenant="all"))
    await line.append(EMOTION, emotion(tenant="all"), emotion(rev=2, tenant="all"))
    await line.append(DECISION, decision(tenant="all"))
    await line.append(OUTCOME, outcome("ACTED", decision="d1", tenant="all", after_ms=70))
    whole = {"events": 12, "identifies": 1, "emotions": 1, "decisions": 1, "outcomes": 1}
    await line.until(lambda: line.counts("all"), whole)
    assert time.monotonic() - begun < 5, "freshness"
    (journey,) = await line.report("all", "journey")
    assert (journey["outcomes"], journey["time_to_act_ms"]) == (["acted"], 70)
    for topic, rows in ((BEHAVIOR, 12), (IDENTITY, 1), (EMOTION, 2), (DECISION, 1), (OUTCOME, 1)):
        await line.until(lambda topic=topic: len(line.archived("all", topic)), rows)


async def test_what_the_log_repeats_counts_once(line: Line) -> None:
    frames = [batch(seq, tenant="twice") for seq in range(1, 6)]
    await line.append(BEHAVIOR, *frames, *frames)
    for message in (emotion(tenant="twice"), emotion(rev=2, tenant="twice")):
        await line.append(EMOTION, message, message)
    await line.append(DECISION, decision(tenant="twice"), decision(tenant="twice"))
    expected = 5 * ROWS_A_BATCH
    await line.until(
        lambda: line.counts("twice"),
        {**await line.counts("nobody"), "events": expected, "emotions": 1, "decisions": 1},
    )
    await line.until(lambda: len(line.archived("twice")), expected)
    # Once more after a restart, when nothing is in memory any more.
    assert line.running.stop() == 0
    await line.start()
    await line.append(BEHAVIOR, *frames, batch(6, tenant="twice"))
    await line.drained()
    assert (await line.counts("twice"))["events"] == expected + ROWS_A_BATCH
    assert len(line.archived("twice")) == expected + ROWS_A_BATCH


async def test_calls_that_two_workers_took_in_different_order_count_once(line: Line) -> None:
    """What the edge writes of Segment's calls: a stream a message, so no order can break."""
    event: list[list[object]] = [[21, 0, "Order Completed"]]
    one, two, three = (
        batch(1, event, tenant="servers", stream=f"segment.{name}") for name in "abc"
    )
    later = batch(1, event, tenant="servers", stream="segment.a", t0_ms=one.t0_ms + 3)
    for frame in (one, two, three, later):
        frame.pointer = 3
    await line.append(BEHAVIOR, three, one)
    await line.append(BEHAVIOR, two, later, three)
    await line.drained()
    assert (await line.counts("servers"))["events"] == 3
    rows = line.archived("servers")
    assert sorted(row["stream_id"] for row in rows) == ["segment.a", "segment.b", "segment.c"]
    assert {row["pointer"] for row in rows} == {""}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_kills_lose_nothing_and_double_nothing(line: Line, seed: int) -> None:
    tenant = f"kill{seed}"
    order = random.Random(seed)
    sessions = [f"s{number}" for number in range(20)]
    sent = 0
    for _ in range(3):
        for _ in range(4):
            sent += 1
            frames = [batch(sent, tenant=tenant, session=session) for session in sessions]
            await line.append(BEHAVIOR, *frames, *frames[:3])
            await asyncio.sleep(order.random() * 0.15)  # so that kills fall at different steps
        line.running.kill()
        await line.start()
    expected = sorted(
        (session, seq, idx)
        for session in sessions
        for seq in range(1, sent + 1)
        for idx in (0, 1, 2, 3, 4, 6)
    )
    await line.drained()
    assert (await line.counts(tenant))["events"] == len(expected)
    rows = [(row["session_id"], row["seq"], row["idx"]) for row in line.archived(tenant)]
    assert sorted(rows) == expected


async def test_manifests_tell_what_is_archived(line: Line) -> None:
    await line.append(BEHAVIOR, *(batch(seq, tenant="listed") for seq in range(1, 4)))
    await line.until(lambda: len(line.archived("listed")), 3 * ROWS_A_BATCH)
    listed: list[dict[str, Any]] = []
    topic = line.folder / "archive" / BEHAVIOR
    for manifest in sorted((topic / "_manifest").glob("*.ndjson")):
        *files, end = [json.loads(text) for text in manifest.read_text().splitlines()]
        assert end["roll"] == int(manifest.stem)
        listed += [file for file in files if file["file"].startswith("tenant=listed/")]
    assert sum(file["rows"] for file in listed) == 3 * ROWS_A_BATCH
    for file in listed:
        blob = (topic / file["file"]).read_bytes()
        assert hashlib.sha256(blob).hexdigest() == file["sha256"]


async def test_reports_of_other_tenants_are_refused(line: Line) -> None:
    calls: Sequence[tuple[str, str, dict[str, str], grpc.StatusCode]] = [
        ("mine", "journey", {}, grpc.StatusCode.PERMISSION_DENIED),
        ("", "journey", {}, grpc.StatusCode.INVALID_ARGUMENT),
        ("theirs", "nonsense", {}, grpc.StatusCode.NOT_FOUND),
        ("theirs", "journey", {"tenant": "mine"}, grpc.StatusCode.INVALID_ARGUMENT),
        ("theirs", "journey", {"limit": "-1"}, grpc.StatusCode.INVALID_ARGUMENT),
    ]
    stub = line.caller("theirs")
    for tenant, report, parameters, code in calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.RunReport(
                apb.RunReportRequest(tenant_id=tenant, report=report, parameters=parameters)
            )
        assert caught.value.code() is code
        if code is grpc.StatusCode.NOT_FOUND:
            assert "events_by_type" in (caught.value.details() or "")


async def test_sigterm_ends_it_quietly(line: Line) -> None:
    await line.append(BEHAVIOR, batch(1, tenant="end"))
    begun = time.monotonic()
    assert line.running.stop() == 0
    assert time.monotonic() - begun < 5


async def test_lingering_reader_gets_batches(log_url: str) -> None:
    log = open_log(log_url)
    batches: asyncio.Queue[list[bytes]] = asyncio.Queue()

    async def handle(deliveries: list[Delivery[bytes]]) -> None:
        await batches.put([item.message for item in deliveries])

    def append(value: bytes) -> Any:
        return log.append([Append("linger", 1, [Record(b"", value)])])

    consumer = Consumer(
        log, group="test", topic="linger", decode=bytes, handle=handle, linger_s=0.5
    )
    reading = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(10):
            await append(b"1")
            assert await batches.get() == [b"1"]
            await append(b"2")
            await append(b"3")
            assert await batches.get() == [b"2", b"3"]
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await log.close()


async def _read_what_waits(consumer: Consumer[bytes], log: EventLog) -> None:
    reading = asyncio.create_task(consumer.run())
    try:
        await asyncio.wait_for(consumer.caught_up.wait(), 10)
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await log.close()


async def test_what_waited_in_the_log_does_not_wait_for_more(log_url: str) -> None:
    log = open_log(log_url)
    batches: list[list[bytes]] = []

    async def handle(deliveries: list[Delivery[bytes]]) -> None:
        batches.append([item.message for item in deliveries])

    for number in range(5):
        await log.append([Append("waited", 1, [Record(b"", b"%d" % number)])])
    consumer = Consumer(
        log,
        group="test",
        topic="waited",
        decode=bytes,
        handle=handle,
        limit=1,
        most=3,
        linger_s=3600,
    )
    await _read_what_waits(consumer, log)
    assert batches == [[b"0", b"1", b"2"], [b"3", b"4"]]


async def test_a_piece_is_decoded_before_the_next_is_read(log_url: str) -> None:
    """So that a second reader, which is as far, finds it decoded among the newest."""
    log = open_log(log_url)
    decoded: list[bytes] = []
    decoded_at_reads: list[int] = []

    def decode(value: bytes) -> bytes:
        decoded.append(value)
        return value

    async def read(after: Mapping[int, int], *, limit: int, block_ms: int | None) -> list[Entry]:
        decoded_at_reads.append(len(decoded))
        return await log.read("pieces", after, limit=limit, block_ms=block_ms)

    async def handle(deliveries: list[Delivery[bytes]]) -> None:
        assert [item.message for item in deliveries] == [b"0", b"1", b"2"]

    for number in range(3):
        await log.append([Append("pieces", 1, [Record(b"", b"%d" % number)])])
    consumer = Consumer(
        log,
        group="test",
        topic="pieces",
        decode=decode,
        handle=handle,
        limit=1,
        linger_s=3600,
        read=read,
    )
    await _read_what_waits(consumer, log)
    assert decoded_at_reads[:3] == [0, 1, 2]


class _Clock:
    def __init__(self) -> None:
        self.now_ns = 10_000 * 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
async def empty_log(log_url: str) -> AsyncGenerator[EventLog]:
    log = open_log(log_url)
    yield log
    await log.close()


async def _all_committed(log: EventLog, topic: str, but: frozenset[str] = frozenset()) -> None:
    ends = await log.ends(topic)
    for group in EXPECTED_GROUPS[topic] - but:
        await log.commit(group, topic, ends)


async def _left(log: EventLog, topic: str) -> int:
    everything = dict.fromkeys(range(PARTITIONS), 0)
    return len(await log.read(topic, everything, limit=10_000))


async def test_trimmer_waits_for_every_expected_group(empty_log: EventLog) -> None:
    trimmer = Trimmer(empty_log, keep_behavior_s=0)
    before = await _left(empty_log, EMOTION)
    await empty_log.append([Append(EMOTION, 9, [Record(b"", b"x")]) for _ in range(5)])
    late = frozenset({"intervention"})
    await _all_committed(empty_log, EMOTION, but=late)
    await trimmer.trim()
    assert await _left(empty_log, EMOTION) == before + 5
    await empty_log.commit("intervention", EMOTION, {9: (await empty_log.ends(EMOTION))[9] - 2})
    await trimmer.trim()
    assert trimmer.lag[EMOTION, "intervention"] >= 2
    assert trimmer.lag[EMOTION, "analytics"] == 0
    assert await _left(empty_log, EMOTION) == before + 5  # who follows without a group has time
    await trimmer.trim()
    left = await empty_log.read(EMOTION, {9: 0}, limit=10_000)
    assert len(left) == 2
    await empty_log.append([Append(EMOTION, 9, [Record(b"", b"x")])])
    assert (await empty_log.ends(EMOTION))[9] == left[-1].offset + 1
    assert 0 < trimmer.fullness < 1


async def test_trimmer_keeps_the_newest_behavior(empty_log: EventLog) -> None:
    clock = _Clock()

    async def append(*ages_s: int) -> None:
        for age_s in ages_s:
            frame = batch(1, received_at_ns=clock.now_ns - age_s * 1_000_000_000)
            await empty_log.append([Append(BEHAVIOR, 11, [Record(b"", frame.SerializeToString())])])

    first = (await empty_log.ends(BEHAVIOR))[11]
    await append(4_000, 3_000, 2_000, 1_801, 1_799, 600, 0)
    await _all_committed(empty_log, BEHAVIOR)
    await Trimmer(empty_log, keep_behavior_s=1_800, now_ns=clock).trim()
    left = await empty_log.read(BEHAVIOR, {11: 0}, limit=10_000)
    assert [entry.offset for entry in left] == [first + 5, first + 6, first + 7]
    # A trimmer that begins now finds the place in what is left, and a later one moves on.
    trimmer = Trimmer(empty_log, keep_behavior_s=1_800, now_ns=clock)
    await trimmer.trim()
    assert len(await empty_log.read(BEHAVIOR, {11: 0}, limit=10_000)) == 3
    clock.now_ns += 1_300 * 1_000_000_000
    await trimmer.trim()
    assert [entry.offset for entry in await empty_log.read(BEHAVIOR, {11: 0})] == [first + 7]


async def test_trimmer_keeps_nothing_extra_in_a_log_that_fills_up(empty_log: EventLog) -> None:
    clock = _Clock()
    frame = batch(1, received_at_ns=clock.now_ns).SerializeToString()
    before = len(await empty_log.read(BEHAVIOR, {12: 0}, limit=10_000))
    for _ in range(4):
        await empty_log.append([Append(BEHAVIOR, 12, [Record(b"", frame)])])
    await _all_committed(empty_log, BEHAVIOR)
    last = (await empty_log.ends(BEHAVIOR))[12]
    await empty_log.commit("archive", BEHAVIOR, {12: last - 1})
    trimmer = Trimmer(empty_log, keep_behavior_s=1_800, now_ns=clock)
    await trimmer.trim()
    assert len(await empty_log.read(BEHAVIOR, {12: 0}, limit=10_000)) == before + 4
    trimmer.fullness = 0.7
    await trimmer.trim()  # but nobody loses what they have not read
    assert [entry.offset for entry in await empty_log.read(BEHAVIOR, {12: 0})] == [last]
