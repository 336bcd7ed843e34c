"""docs/errors.md, Log: what analytics and archive cannot store does not hold up the rest."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from services.common.log import BEHAVIOR, DECISION, EMOTION, IDENTITY, OUTCOME, Append, Record
from services.common.partition import partition_of
from tests.engines.raw_log import append_garbage
from tests.integration.pipeline_line import ROWS_A_BATCH, Line, running_line
from tests.unit.services.pipeline.messages import batch, decision, emotion, identify, outcome

TENANT = "poison"
PARTITION = partition_of(TENANT, "s1")
# Topic: its table, a good message, the rows that it makes.
GOOD: dict[str, tuple[str, Any, int]] = {
    BEHAVIOR: ("events", batch(2, tenant=TENANT), ROWS_A_BATCH),
    IDENTITY: ("identifies", identify(3, tenant=TENANT), 1),
    EMOTION: ("emotions", emotion(tenant=TENANT), 1),
    DECISION: ("decisions", decision(tenant=TENANT), 1),
    OUTCOME: ("outcomes", outcome("ACTED", decision="d1", tenant=TENANT), 1),
}


@pytest.fixture
async def line(log_url: str, tmp_path: Path) -> AsyncGenerator[Line]:
    async with running_line(log_url, tmp_path) as running:
        await spoil(running)
        yield running


def torn() -> BehaviorBatch:
    """A batch that parses, with columns that do not."""
    made = batch(1, tenant=TENANT)
    made.columns = made.columns[:-3]
    return made


async def spoil(line: Line) -> None:
    """Put garbage in front of a good record, in each topic."""
    for topic, (_, message, _) in GOOD.items():
        values = [b"\xff\xff", b"", torn().SerializeToString()[:-1]]
        if topic == BEHAVIOR:
            values.append(torn().SerializeToString())
        records = [Record(b"k", value) for value in values]
        await line.log.append([Append(topic, PARTITION, records)])
        await append_garbage(line.env["SIQ_LOG_URL"], topic, PARTITION, b"\xff\xff")
        await line.append(topic, message)


async def buried(line: Line, topic: str) -> None:
    """Both groups have written their dead letters."""
    expected = 10 if topic == BEHAVIOR else 8

    async def dead() -> int:
        entries = await line.log.read(f"{topic}.dead", {PARTITION: 0}, limit=10_000)
        return sum(len(entry.records) for entry in entries)

    await line.until(dead, expected)


async def test_l07_analytics_of_every_topic(line: Line):
    expected = {table: rows for table, _, rows in GOOD.values()}
    await line.until(lambda: line.counts(TENANT), expected)
    for topic in GOOD:
        await buried(line, topic)


async def test_l08_archive_of_every_topic(line: Line):
    for topic, (_, _, rows) in GOOD.items():
        await line.until(lambda topic=topic: len(line.archived(TENANT, topic)), rows)
