"""The pipeline with its archive on a real S3 server, that dies, hangs and goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from services.common.log import BEHAVIOR
from services.pipeline.archive import Archive
from services.pipeline.archive.s3 import S3Objects
from tests.engines.s3.server import BUCKET, S3Server
from tests.integration.pipeline_line import ROWS_A_BATCH, Line
from tests.unit.services.pipeline.messages import batch

TENANT = "far"


class S3Line(Line):
    """A pipeline whose archive is a bucket."""

    def __init__(self, log_url: str, folder: Path, server: S3Server) -> None:
        super().__init__(log_url, folder)
        self.server = server
        self.prefix = uuid.uuid4().hex
        self.env |= {
            **server.environ(),
            "SIQ_ARCHIVE_URL": f"s3://{BUCKET}/{self.prefix}",
            "SIQ_ARCHIVE_TIMEOUT_S": "2",
        }

    def sequences(self) -> Counter[int]:
        """How many rows of each frame the manifests name."""
        archive = Archive(S3Objects(BUCKET, self.prefix, timeout_s=20))
        found: Counter[int] = Counter()
        for file in archive.files(BEHAVIOR, tenant=TENANT):
            found.update(archive.read(BEHAVIOR, file, ["seq"])["seq"].to_pylist())
        return found


@pytest.fixture
async def line(
    log_url: str, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[S3Line]:
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    running = S3Line(log_url, tmp_path, s3_server)
    await running.start()
    try:
        yield running
    finally:
        await running.close()


def expected(frames: int) -> Counter[int]:
    return Counter(dict.fromkeys(range(1, frames + 1), ROWS_A_BATCH))


async def test_kills_while_uploading_lose_nothing_and_double_nothing(line: S3Line) -> None:
    sent = 0
    for round_ in range(4):
        for _ in range(6):
            sent += 1
            await line.append(BEHAVIOR, batch(sent, tenant=TENANT))
            await asyncio.sleep(0.03 * round_)  # so that kills fall at different steps
        line.running.kill()
        await line.start()
    await line.drained()
    assert line.sequences() == expected(sent)
    assert (await line.counts(TENANT))["events"] == sent * ROWS_A_BATCH


@pytest.mark.parametrize(
    "away_s", [5, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(240)])]
)
@pytest.mark.parametrize("how", ["gone", "hangs"])
async def test_s3_may_be_away(line: S3Line, how: str, away_s: int) -> None:
    """Nothing is committed meanwhile, analytics goes on, and it recovers by itself."""
    await line.append(BEHAVIOR, batch(1, tenant=TENANT))
    await line.drained()
    pid = line.server.pid
    assert pid is not None
    try:
        if how == "gone":
            line.server.stop()
        else:
            os.kill(pid, signal.SIGSTOP)
        before = await line.log.committed("archive", BEHAVIOR)
        async with asyncio.timeout(away_s + 60):
            for seq in range(2, 2 + away_s):
                await line.append(BEHAVIOR, batch(seq, tenant=TENANT))
                await asyncio.sleep(1)
            while (await line.counts(TENANT))["events"] < (1 + away_s) * ROWS_A_BATCH:
                await asyncio.sleep(0.1)
        assert await line.log.committed("archive", BEHAVIOR) == before
    finally:
        if how == "gone":
            line.server.start()
        else:
            os.kill(pid, signal.SIGCONT)
    await line.drained()
    assert line.sequences() == expected(1 + away_s)
    assert line.running.process.poll() is None


async def test_s3_may_be_away_when_the_pipeline_starts(line: S3Line) -> None:
    assert line.running.stop() == 0
    line.server.stop()
    try:
        await line.start()
        await line.append(BEHAVIOR, batch(1, tenant=TENANT))
        await line.until(lambda: line.counts(TENANT), {**_NONE, "events": ROWS_A_BATCH})
    finally:
        line.server.start()
    await line.drained()
    assert line.sequences() == expected(1)


_NONE = {"events": 0, "identifies": 0, "emotions": 0, "decisions": 0, "outcomes": 0}
