"""The pipeline over a real Kafka broker: a log trimmed behind its readers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.common.log import BEHAVIOR, Append, Record, open_log
from services.pipeline.trimmer import EXPECTED_GROUPS, Trimmer
from tests.engines.logs import empty_log
from tests.unit.services.pipeline.messages import batch

NOW_NS = 1_800_000_000_000_000_000


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, "kafka") as found:
        yield found


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
