"""`sentientiq report` over gRPC, on the golden data set: formats, refusals, help."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from cli.main import main
from cli.up.ports import free_address
from services.common.process import GrpcServer
from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.arrow import parquet
from services.pipeline.report_files import load_reports
from services.pipeline.reports import Reports
from services.pipeline.servicer import QueryServicer
from tests.engines.running import MESH_SECRET
from tests.golden.reports.golden import load

SPRING = ("--zone", "Europe/Berlin", "--from", "2026-03-28", "--to", "2026-03-31")
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """A server that answers reports of the golden data set."""
    engine = EmbeddedAnalytics(tmp_path_factory.mktemp("golden"))
    await engine.migrate()
    await load(engine)
    server = GrpcServer(free_address(), MESH_SECRET)
    tails: Any = None  # nobody looks on here
    rpc.add_QueryServiceServicer_to_server(QueryServicer(Reports(engine), tails), server.raw)
    await server.start([pb.DESCRIPTOR.services_by_name["QueryService"].full_name])
    yield server.listen
    await server.stop()
    await engine.close()


async def report(address: str, *words: str) -> Result:
    env = {"SIQ_PIPELINE_ADDR": address, "SIQ_MESH_SECRET": MESH_SECRET}
    arguments = ["report", *words, *(() if "--help" in words else ("--tenant", "gold"))]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=env)


async def test_table_is_aligned_and_says_what_is_not_known(address: str) -> None:
    found = await report(address, "success_rates", "--from", "2026-08-01", "--to", "2026-09-01")
    assert found.exit_code == 0, found.output
    columns, rule, *rows = found.output.splitlines()
    assert columns.split()[:3] == ["audience", "rule", "type"]
    assert set(rule) == {"-", " "}
    assert rows[0].split()[-3:] == ["-", "-", "-"]
    assert rows[1].split()[-3:] == ["0.6667", "0.2077", "0.9385"]


async def test_json_csv_and_parquet_say_the_same(address: str, tmp_path: Path) -> None:
    told = json.loads((await report(address, "emotions_daily", *SPRING, "--format", "json")).output)
    assert told["report"] == "emotions_daily"
    assert told["parameters"]["zone"] == "Europe/Berlin"
    text = (await report(address, "emotions_daily", *SPRING, "--format", "csv")).output
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["episodes"] for row in rows] == [str(row["episodes"]) for row in told["rows"]]
    assert [row["day"] for row in rows] == [row["day"] for row in told["rows"]]
    out = tmp_path / "a.parquet"
    done = await report(
        address, "emotions_daily", *SPRING, "--format", "parquet", "--out", str(out)
    )
    assert done.exit_code == 0, done.output
    kept = parquet.read_table(out).to_pylist()
    assert [row["episodes"] for row in kept] == [row["episodes"] for row in told["rows"]]


@pytest.mark.parametrize(
    "name", [report.name for report in load_reports().values() if report.chart is not None]
)
async def test_every_chart_is_drawn(address: str, tmp_path: Path, name: str) -> None:
    out = tmp_path / "chart.png"
    done = await report(address, name, "--format", "png", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert out.read_bytes().startswith(b"\x89PNG")
    assert out.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("emotion_daily",), "no report 'emotion_daily'; there are: churn_inputs, cohorts"),
        (("journey", "--format", "png", "--out", "x.png"), "journey has no chart"),
        (("cohorts", "--format", "parquet"), "name a file with --out"),
        (("cohorts", "--from", "yesterday"), "a parameter of 'cohorts' does not fit its type"),
        (("cohorts", "--zone", "Mars/Olympus"), "'Mars/Olympus' is no time zone"),
        (("cohorts", "--out", "no/such/folder/x.csv"), "No such file or directory"),
    ],
)
async def test_refusals_name_the_mend(address: str, words: tuple[str, ...], said: str) -> None:
    done = await report(address, *words)
    assert done.exit_code == 1
    assert said in done.output


async def test_a_pipeline_that_is_away_is_said_so() -> None:
    done = await report(free_address(), "cohorts")
    assert done.exit_code == 1
    assert "is the mesh up, and SIQ_PIPELINE_ADDR right?" in done.output


async def test_help_lists_every_report_with_its_meaning(address: str) -> None:
    listed = (await report(address, "--help")).output
    for one in load_reports().values():
        assert one.name in listed
        assert one.summary.split()[0] in listed
    explained = (await report(address, "funnel", "--help")).output
    assert "--within-minutes" in explained
    assert "[default: 60]" in explained
