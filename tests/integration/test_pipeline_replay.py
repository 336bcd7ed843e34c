"""`sentientiq log replay` gives frames and identifies back, also where their stream went on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.log.replaying import replay
from services.common.log import BEHAVIOR, IDENTITY, Append, Record
from services.common.partition import partition_of, record_key
from tests.engines.logs import empty_log
from tests.integration.pipeline_line import ROWS_A_BATCH, Line, running_line, until_stored
from tests.unit.services.pipeline.messages import batch, identify

TENANT = "mended"
PLACE = partition_of(TENANT, "s1")


@pytest.fixture(params=["valkey", "kafka"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, request.param) as found:
        yield found


def dead(topic: str, message: Any) -> Append:
    """What a reader of an older release left: nothing is wrong with it."""
    record = Record(
        record_key(TENANT, "s1"), message.SerializeToString(), {"reason": "newer than this reader"}
    )
    return Append(f"{topic}.dead", PLACE, [record])


async def stored(line: Line) -> None:
    for topic in (BEHAVIOR, IDENTITY):
        await until_stored(line.log, topic)


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_letter_of_a_stream_that_went_on_is_stored_once(
    url: str, tmp_path: Path, restarted: bool
) -> None:
    async with running_line(url, tmp_path) as line:
        frames = [batch(seq, tenant=TENANT) for seq in (1, 4, 7)]
        await line.append(BEHAVIOR, *frames)
        await line.append(IDENTITY, identify(2, tenant=TENANT), identify(6, tenant=TENANT))
        await stored(line)
        letters = [dead(BEHAVIOR, batch(seq, tenant=TENANT)) for seq in (3, 4, 8)]
        # The letter of another reader, and one of what this one has.
        await line.log.append([*letters, letters[0], dead(IDENTITY, identify(5, tenant=TENANT))])
        if restarted:
            assert line.running.stop() == 0
            await line.start()
        counts = await asyncio.gather(*(replay(line.log, topic) for topic in (BEHAVIOR, IDENTITY)))
        assert [one.replayed for one in counts] == [3, 1]
        # And the log repeats everything once more.
        await line.append(BEHAVIOR, *frames, *(batch(seq, tenant=TENANT) for seq in (3, 8)))
        await line.append(IDENTITY, identify(5, tenant=TENANT))
        await stored(line)
        found = await line.counts(TENANT)
        assert (found["events"], found["identifies"]) == (5 * ROWS_A_BATCH, 3)
        assert sorted(row["seq"] for row in line.archived(TENANT)) == sorted(
            seq for seq in (1, 3, 4, 7, 8) for _ in range(ROWS_A_BATCH)
        )
        assert sorted(row["seq"] for row in line.archived(TENANT, IDENTITY)) == [2, 5, 6]
