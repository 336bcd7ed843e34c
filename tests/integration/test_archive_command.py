"""`sentientiq archive` against a running pipeline, its archive in a folder and on S3."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from click.testing import CliRunner
from sentientiq.analytics.v1 import archive_service_pb2 as archive_pb
from sentientiq.analytics.v1 import archive_service_pb2_grpc as archive_rpc

from cli.archive.command import command
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, DECISION, EMOTION, IDENTITY, OUTCOME
from services.pipeline.archive import Archive
from services.pipeline.archive.folder import FolderObjects
from services.pipeline.arrow import pa, parquet
from services.pipeline.topics import TOPICS
from tests.engines.running import MESH_SECRET, ROOT
from tests.engines.s3.server import BUCKET
from tests.integration.pipeline_line import ROWS_A_BATCH, Line, until_stored
from tests.unit.services.pipeline.messages import (
    T0_MS,
    batch,
    decision,
    emotion,
    identify,
    outcome,
)

HOUR_MS = 3_600_000


class CommandLine(Line):
    """A pipeline, and the command beside it."""

    def __init__(self, log_url: str, folder: Path, tenant: str, patch: pytest.MonkeyPatch) -> None:
        super().__init__(log_url, folder)
        self.tenant = tenant
        self.patch = patch

    async def start(self) -> None:
        await super().start()
        for name in ("SIQ_LOG_URL", "SIQ_ARCHIVE_URL"):
            self.patch.setenv(name, self.env[name])
        self.patch.setenv("SIQ_PIPELINE_ADDR", self.address)
        self.patch.setenv("SIQ_MESH_SECRET", MESH_SECRET)

    async def run(self, *words: str, exit_code: int = 0) -> tuple[dict[str, Any], str]:
        """The last line that the command prints, and what it says beside it."""
        shown, said = await self.lines(*words, exit_code=exit_code)
        return shown[-1] if shown else {}, said

    async def lines(self, *words: str, exit_code: int = 0) -> tuple[list[dict[str, Any]], str]:
        """All that it prints. In a process of its own: gRPC lives in one loop of a process."""
        asked = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", "archive", *words, "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
        )
        printed, said = await asyncio.wait_for(asked.communicate(), 60)
        assert asked.returncode == exit_code, said.decode()
        return [json.loads(line) for line in printed.splitlines()], said.decode()

    async def verify(self, *words: str, exit_code: int = 0) -> tuple[dict[str, Any], str]:
        return await self.run("verify", "--tenant", self.tenant, *words, exit_code=exit_code)

    def archive_stub(self, tenant: str, role: str) -> Any:  # its types are a blocking stub's
        token = make_token(MESH_SECRET, subject="test", tenant_id=tenant, role=role)
        self.channels.append(connect(self.address, token))
        return archive_rpc.ArchiveServiceStub(self.channels[-1])

    async def stored(self) -> None:
        for topic in TOPICS:
            await until_stored(self.log, topic.name)

    async def visit(self) -> None:
        """Every topic, two hours, several sessions, and what the log repeats."""
        tenant = self.tenant
        frames = [
            batch(seq, tenant=tenant, session=f"s{number}", t0_ms=T0_MS + number * HOUR_MS // 2)
            for number in range(4)
            for seq in (1, 2, 0)
        ]
        await self.append(BEHAVIOR, *frames[:6])
        await self.stored()
        await self.append(BEHAVIOR, *[frame for frame in frames if frame.seq])
        await self.append(IDENTITY, identify(3, tenant=tenant))
        await self.append(EMOTION, *(emotion(rev=rev, tenant=tenant) for rev in (1, 2, 2)))
        await self.append(
            DECISION, decision(tenant=tenant), decision("d2", asks=False, tenant=tenant)
        )
        await self.append(OUTCOME, outcome("ACTED", decision="d1", tenant=tenant, after_ms=70))
        await self.stored()

    async def parts(self) -> list[Path]:
        """The part files of this tenant's events."""
        folder = self.folder / "archive" / BEHAVIOR / f"tenant={self.tenant}"
        return sorted(folder.rglob("part-*.parquet"))


EVENTS = 8 * ROWS_A_BATCH + 2 * ROWS_A_BATCH  # eight numbered frames, two of the edge's own
ROWS = EVENTS + 1 + 2 + 2 + 1


@pytest.fixture(params=["folder", "s3"])
async def line(
    request: pytest.FixtureRequest, log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[CommandLine]:
    running = CommandLine(log_url, tmp_path, f"t-{uuid.uuid4().hex[:8]}", monkeypatch)
    if request.param == "s3":
        server = request.getfixturevalue("s3_server")
        running.env |= {**server.environ(), "SIQ_ARCHIVE_URL": f"s3://{BUCKET}/{running.tenant}"}
        for name, value in server.environ().items():
            monkeypatch.setenv(name, value)
    await running.start()
    try:
        yield running
    finally:
        await running.close()


in_a_folder = pytest.mark.parametrize("line", ["folder"], indirect=True)
"""For tests that reach into the archive's files."""


async def test_log_archive_and_analytics_agree(line: CommandLine) -> None:
    await line.visit()
    found, _ = await line.verify()
    assert found["differences"] == []
    assert (found["rows"], found["log_rows"]) == (ROWS, ROWS)
    assert found["analytics_rows"] == ROWS - 1  # the first revision gave way to the second
    shown, _ = await line.run("compact")
    assert shown["files_after"] < shown["files_before"]
    found, _ = await line.verify()
    assert (found["differences"], found["rows"]) == ([], ROWS)
    # Once more after a restart, with nothing in memory and merged files to remember from.
    assert line.running.stop() == 0
    await line.start()
    t0_ms = T0_MS + HOUR_MS // 2
    frames = [batch(seq, tenant=line.tenant, session="s1", t0_ms=t0_ms) for seq in (1, 2, 3)]
    await line.append(BEHAVIOR, *frames)
    await line.stored()
    found, _ = await line.verify()
    assert (found["differences"], found["rows"]) == ([], ROWS + ROWS_A_BATCH)


async def test_a_range_is_compared_alone(line: CommandLine) -> None:
    await line.visit()
    found, _ = await line.verify("--from", "2025-10-09T09", "--to", "2025-10-09T10")
    assert 0 < found["rows"] < ROWS
    assert (found["differences"], found["hours"]) == ([], 1)
    found, _ = await line.verify("--from", "2025-10-10", "--to", "2025-10-11")
    assert (found["rows"], found["differences"]) == (0, [])


async def test_list_counts_what_is_archived(line: CommandLine) -> None:
    await line.visit()
    shown, _ = await line.lines("list", "--tenant", line.tenant)
    assert {one["topic"]: one["rows"] for one in shown}[BEHAVIOR] == EVENTS
    assert all(one["bytes"] > 0 and one["date"] == "2025-10-09" for one in shown)


async def test_analytics_is_filled_again_from_the_archive(line: CommandLine) -> None:
    await line.visit()
    before = await line.counts(line.tenant)
    journey = await line.report(line.tenant, "journey")
    assert line.running.stop() == 0
    shutil.rmtree(line.folder / "analytics")
    await line.start()
    assert (await line.counts(line.tenant))["events"] == 0
    _, said = await line.verify(exit_code=1)
    assert "0 are in analytics" in said
    filled, _ = await line.run("backfill", "--tenant", line.tenant, "--to", "2025-10-09T09")
    assert 0 < filled["rows"] < ROWS
    for _ in range(2):
        filled, _ = await line.run("backfill", "--tenant", line.tenant)
        assert filled["rows"] == ROWS
        assert await line.counts(line.tenant) == before
    assert await line.report(line.tenant, "journey") == journey
    found, _ = await line.verify()
    assert found["differences"] == []


@in_a_folder
async def test_verify_names_what_is_wrong(line: CommandLine) -> None:
    await line.visit()
    first, *_ = await line.parts()
    blob = first.read_bytes()
    hour = f"{line.tenant}  2025-10-09T{first.parent.name.removeprefix('hour=')}"

    first.unlink()
    _, said = await line.verify(exit_code=1)
    assert f"{hour}  " in said
    assert "is not there" in said

    first.write_bytes(blob[:-1] + bytes([blob[-1] ^ 1]))
    _, said = await line.verify(exit_code=1)
    assert "is not what was written" in said

    first.write_bytes(blob)
    manifests = line.folder / "archive" / BEHAVIOR / "_manifest"
    manifest = next(path for path in manifests.glob("*.ndjson") if first.name in path.read_text())
    text = manifest.read_text()
    rows = parquet.read_metadata(first).num_rows
    relative = str(first.relative_to(line.folder / "archive" / BEHAVIOR))
    manifest.write_text("".join(x for x in text.splitlines(True) if relative not in x))
    _, said = await line.verify(exit_code=1)
    assert f"{rows} rows of the log are not archived" in said
    assert "are in analytics" in said

    manifest.write_text(text)
    assert line.running.stop() == 0
    archive = Archive(FolderObjects(line.folder / "archive"))
    newest = archive.recover(BEHAVIOR)
    again = {relative.replace("part-", "part-99-"): parquet.read_table(first, partitioning=None)}
    archive.write(BEHAVIOR, again, {}, newest)
    await line.start()
    _, said = await line.verify(exit_code=1)
    assert f"{rows} rows are archived more than once" in said


@in_a_folder
async def test_content_that_differs_is_found(line: CommandLine) -> None:
    await line.visit()
    await line.append(BEHAVIOR, batch(1, [[21, 0, "x"]], tenant=line.tenant, session="late"))
    await line.stored()
    archive = Archive(FolderObjects(line.folder / "archive"))
    (file,) = [
        one
        for one in archive.files(BEHAVIOR, tenant=line.tenant)
        if "late" in archive.read(BEHAVIOR, one)["session_id"].to_pylist()
    ]
    table = archive.read(BEHAVIOR, file)
    place = table.column_names.index("text")
    changed = table.set_column(place, "text", pa.array(["forged"] * table.num_rows))
    assert line.running.stop() == 0
    number = archive.recover(BEHAVIOR)
    assert number is not None
    archive.replace(
        BEHAVIOR, file.day,
        [one for one in archive.files(BEHAVIOR, tenant=line.tenant) if one.path != file.path],
        [(file.path.replace("part-", "part-98-"), changed)], [file.path], number.number,
    )  # fmt: skip
    await line.start()
    _, said = await line.verify(exit_code=1)
    assert "differ in content" in said


async def test_erased_sessions_are_gone_from_the_archive(line: CommandLine) -> None:
    await line.visit()
    await line.run("compact")
    gone, _ = await line.run("erase", line.tenant, "--session", "s2", "--session", "s3")
    assert gone["rows"] > 0
    found, said = await line.verify("--without-analytics", "--without-log")
    assert found["rows"] == ROWS - gone["rows"]
    again, _ = await line.run("erase", line.tenant, "--session", "s2")
    assert again == {"rows": 0, "files": 0}
    # What analytics and the log still have of them is told.
    _, said = await line.verify(exit_code=1)
    assert "rows of the log are not archived" in said


async def test_compaction_beside_kills_loses_nothing_and_doubles_nothing(line: CommandLine) -> None:
    assert line.running.stop() == 0
    line.env["SIQ_COMPACT_INTERVAL_S"] = "0.2"
    await line.start()
    sent = 0
    for round_ in range(4):
        for _ in range(8):
            sent += 1
            await line.append(BEHAVIOR, batch(sent, tenant=line.tenant))
            await asyncio.sleep(0.05 + 0.02 * round_)  # so that kills fall at different steps
        line.running.kill()
        await line.start()
    await line.stored()
    found, _ = await line.verify()
    assert (found["differences"], found["rows"]) == ([], sent * ROWS_A_BATCH)


@in_a_folder
async def test_only_operators_may_change_it(line: CommandLine) -> None:
    team = line.archive_stub(line.tenant, "team")
    mine = line.archive_stub(line.tenant, "operator")
    erase = archive_pb.EraseRequest(tenant_id=line.tenant, session_ids=["s1"])
    fill = archive_pb.BackfillRequest(tenant_id=line.tenant)
    denied, wrong = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
    everybody = archive_pb.CompactRequest(tenant_id="*")
    nobody = archive_pb.EraseRequest(tenant_id=line.tenant)
    noon = archive_pb.BackfillRequest(tenant_id=line.tenant, from_hour="noon")
    for call, code in (
        (team.Erase(erase), denied),
        (team.Backfill(fill), denied),
        (mine.Compact(everybody), denied),
        (mine.Erase(nobody), wrong),
        (mine.Backfill(noon), wrong),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(aiter(call))
        assert caught.value.code() is code
    assert [done async for done in mine.Erase(erase)] == []


@in_a_folder
async def test_what_is_asked_wrongly_is_told_how(line: CommandLine) -> None:
    done = CliRunner().invoke(command, ["verify", "--from", "yesterday"])
    assert done.exit_code == 2
    assert "2026-01-31T14" in done.stderr
    line.patch.setenv("SIQ_ARCHIVE_URL", "gs://bucket")
    done = CliRunner().invoke(command, ["list"])
    assert done.exit_code == 1
    assert "s3://bucket/prefix" in done.stderr
