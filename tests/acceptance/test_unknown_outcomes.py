"""AT-03: a producer that often does not hear whether it was written, and sends the same again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch

from hotpath.detector import Detector
from services.common.log import BEHAVIOR, Append, EventLog, Record
from services.common.partition import PARTITIONS, partition_of, record_key
from services.common.schema import schema_of
from tests.acceptance.judging import Archived
from tests.engines.logs import empty_log
from tests.integration.pipeline_line import report, running_line, until_stored
from tests.unit.services.pipeline.messages import T0_MS, batch

TENANT = "unsure"
SESSIONS = 100
A_FRAME, A_ROUND = 5, 20
_HEADERS = {"schema": schema_of(BEHAVIOR)}


class Unsure:
    """A log that does not let its answer to one of ten rounds be heard. Half of those it wrote."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._rounds = 0
        self.unknown = self.repeated = self.frames = 0

    async def append(self, appends: Sequence[Append]) -> None:
        """Append as a producer does: again, until the answer is heard."""
        frames = sum(len(item.records) for item in appends)
        self.frames += frames
        self._rounds += 1
        if self._rounds % 10 == 0:
            self.unknown += frames
            if self._rounds % 20 == 0:
                await self._log.append(appends)
                self.repeated += frames
        await self._log.append(appends)


def rounds(events: int) -> Iterator[list[Append]]:
    """Frames of many sessions by turns, some to a round."""
    for first in range(0, events // A_FRAME, A_ROUND):
        groups: dict[int, list[Record]] = {}
        for number in range(first, min(first + A_ROUND, events // A_FRAME)):
            turn, place = divmod(number, SESSIONS)
            session = f"s{place}"
            moves: list[list[object]] = [[2, 16, turn % 900, index] for index in range(A_FRAME)]
            value = batch(
                turn + 1, moves, tenant=TENANT, session=session, t0_ms=T0_MS + turn * 200
            ).SerializeToString()
            record = Record(record_key(TENANT, session), value, _HEADERS)
            groups.setdefault(partition_of(TENANT, session), []).append(record)
        yield [Append(BEHAVIOR, partition, records) for partition, records in groups.items()]


async def judged(log: EventLog) -> tuple[int, int]:
    """Events that entered sessions' state, and frames that detection dropped as repeated."""
    detectors = [Detector() for _ in range(PARTITIONS)]
    after = dict.fromkeys(range(PARTITIONS), 0)
    while entries := await log.read(BEHAVIOR, after, limit=500):
        for entry in entries:
            after[entry.partition] = entry.offset
            values = [record.value for record in entry.records]
            assert all(BehaviorBatch.FromString(value).seq for value in values)
            assert detectors[entry.partition].apply_encoded(values) == []
    counters = [detector.counters for detector in detectors]
    return (
        sum(one["events"] for one in counters),
        sum(one["dropped_duplicate_batches"] for one in counters),
    )


@pytest.fixture(params=["valkey", "kafka"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with empty_log(request, request.param) as found:
        yield found


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(10_000, id="short"),
        pytest.param(100_000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
async def test_at_03_what_is_sent_again_is_one_row_and_one_event(
    url: str, events: int, tmp_path: Path
) -> None:
    async with running_line(url, tmp_path) as line:
        unsure = Unsure(line.log)
        for appends in rounds(events):
            await unsure.append(appends)
        assert unsure.frames * A_FRAME == events
        assert unsure.unknown * A_FRAME == events // 10
        await until_stored(line.log, within_s=120)
        rows = await report(line.stub, TENANT, "events_by_type")
        names = ("session_id", "stream_id", "seq", "idx")
        archived = Archived(tmp_path / "archive", TENANT, BEHAVIOR, names)
        state = await judged(line.log)
    print(f"{unsure.unknown} frames of {unsure.frames} not heard of, {unsure.repeated} repeated")
    assert sum(row["events"] for row in rows) == events
    assert archived.doubled == 0
    assert sum(archived.rows_by(1).values()) == events
    assert state == (events, unsure.repeated)
