"""Every report equals what was worked out by hand: zones, changes of clocks, two currencies."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from services.pipeline.analytics import EmbeddedAnalytics
from services.pipeline.arrow import pa
from services.pipeline.report_files import load_reports
from services.pipeline.reports import Reports
from tests.golden.reports.golden import FOLDER, load, read_case, told

CASES = sorted((FOLDER / "expected").glob("*.csv"))
# Tested elsewhere: in tests/unit/services/pipeline/test_reports.py, and with what is made of them.
ELSEWHERE = {
    *("cost_outcomes", "cost_units", "journey", "log_freshness"),
    *("daily_totals", "days", "row_hashes"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reports(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Reports]:
    """The data set in an engine."""
    engine = EmbeddedAnalytics(tmp_path_factory.mktemp("golden"))
    await engine.migrate()
    await load(engine)
    yield Reports(engine)
    await engine.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_answer_is_the_one_worked_out_by_hand(reports: Reports, path: Path) -> None:
    case = read_case(path)
    answer = await reports.run("gold", case.report, case.parameters)
    found = pa.ipc.open_stream(answer.arrow).read_all().to_pylist()
    assert [{name: told(value) for name, value in row.items()} for row in found] == case.rows


def test_every_report_has_an_answer_by_hand() -> None:
    assert {path.name.partition(".")[0] for path in CASES} == load_reports().keys() - ELSEWHERE
