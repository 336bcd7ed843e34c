"""The pipeline over a real Kafka broker: rows once, and a log trimmed behind its readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.common.log import BEHAVIOR, TOPICS, Append, Record, open_log
from services.pipeline.trimmer import EXPECTED_GROUPS, Trimmer
from tests.engines.logs import empty_log
from tests.integration.pipeline_line import ROWS_A_BATCH, running_line
from tests.unit.services.pipeline.messages import batch

NOW_NS = 1_800_000_000_000_000_000
FRAMES = 50


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, "kafka") as found:
        yield found


async def test_rows_are_stored_once_over_a_kill(url: str, tmp_path: Path) -> None:
    log = open_log(url)
    for topic in TOPICS:  # a busy machine takes longer for them than a process may to be ready
        await log.ends(topic)
    await log.close()
    async with running_line(url, tmp_path) as line:
        frames = [batch(seq, session=f"s{seq % 7}") for seq in range(1, FRAMES + 1)]
        await line.append(BEHAVIOR, *frames, *frames[:5])
        await line.drained()
        line.running.kill()
        await line.append(BEHAVIOR, *frames[-5:], batch(FRAMES + 1, session="s1"))
        await line.start()
        await line.drained()
        rows = ROWS_A_BATCH * (FRAMES + 1)
        await line.until(lambda: line.counts("acme"), {"events": rows})
        await line.until(lambda: len(line.archived("acme")), rows)


async def test_trimmer_keeps_the_newest_behavior(url: str) -> None:
    log = open_log(url)
    for age_s in (4_000, 3_000, 2_000, 1_801, 1_799, 600, 0):
        frame = batch(1, received_at_ns=NOW_NS - age_s * 1_000_000_000)
        await log.append([Append(BEHAVIOR, 11, [Record(b"", frame.SerializeToString())])])
    for group in EXPECTED_GROUPS[BEHAVIOR]:
        await log.commit(group, BEHAVIOR, await log.ends(BEHAVIOR))
    trimmer = Trimmer(log, keep_behavior_s=1_800, now_ns=lambda: NOW_NS)
    await trimmer.trim()
    await log.close()
    fresh = open_log(url)  # one that has nothing in memory
    assert [entry.offset for entry in await fresh.read(BEHAVIOR, {11: 0})] == [5, 6, 7]
    await fresh.close()
    assert trimmer.entries == 4
    assert trimmer.lag[BEHAVIOR, "detection"] == 0
