"""`sentientiq migrate` on every engine that it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from services.pipeline.analytics import EmbeddedAnalytics
from tests.engines.clickhouse.server import FrontServer
from tests.integration.mesh_up import sentientiq


def migrate(*, postgres: str, analytics: str, data: Path) -> tuple[int, str]:
    done = CliRunner().invoke(
        main,
        ["migrate", "--data", str(data)],
        env={"SIQ_POSTGRES_URL": postgres, "SIQ_ANALYTICS_URL": analytics},
    )
    return done.exit_code, done.output


def test_both_databases_are_brought_to_this_version_once(
    postgres_url: str, clickhouse: FrontServer, tmp_path: Path
) -> None:
    clickhouse.ask("DROP DATABASE IF EXISTS sentientiq")
    code, said = migrate(postgres=postgres_url, analytics=clickhouse.url, data=tmp_path)
    assert code == 0, said
    assert "analytics: 0001_tables, 0002_daily, 0003_codecs, 0004_session_hash" in said
    assert "identity: 0001_tenants.sql" in said
    code, said = migrate(postgres=postgres_url, analytics=clickhouse.url, data=tmp_path)
    assert (code, said.count("nothing to do")) == (0, 4), said


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("clickhouse://siq:secret@127.0.0.1:1", "is SIQ_ANALYTICS_URL right"),
        ("mysql://siq:secret@127.0.0.1", "expected chdb:///absolute/folder or clickhouse://"),
    ],
)
def test_what_cannot_be_reached_is_named_with_the_mend_and_no_password(
    postgres_url: str, tmp_path: Path, url: str, mend: str
) -> None:
    code, said = migrate(postgres=postgres_url, analytics=url, data=tmp_path)
    assert code != 0
    assert mend in said
    assert "secret" not in said


async def test_a_folder_that_a_pipeline_holds_is_left_alone(
    postgres_url: str, tmp_path: Path
) -> None:
    held = EmbeddedAnalytics(tmp_path / "analytics")
    await held.migrate()
    try:
        done = sentientiq(
            "migrate",
            SIQ_POSTGRES_URL=postgres_url,
            SIQ_ANALYTICS_URL=f"chdb://{tmp_path}/analytics",
        )
        assert done.returncode != 0
        assert "one process may open this folder" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        await held.close()
