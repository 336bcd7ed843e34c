"""One switch: the whole mesh on servers, none of which it started."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from services.common.log import TOPICS, open_log
from services.pipeline.analytics import open_analytics
from services.pipeline.arrow import pa
from tests.engines.clickhouse.server import FrontServer
from tests.engines.kafka.broker import Broker
from tests.integration.mesh_up import Up, sentientiq, temporary_folder, until


def test_what_is_missing_is_named_before_anything_starts(tmp_path: Path) -> None:
    done = sentientiq("up", "--engines", "servers", "--data", str(tmp_path))
    assert done.returncode != 0
    for name in ("SIQ_POSTGRES_URL", "SIQ_STATE_URL", "SIQ_LOG_URL", "SIQ_ANALYTICS_URL"):
        assert f"{name} is not set: for example {name}=" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "postgres").exists()


async def make_topics(url: str) -> None:
    """As an operator does before the first start: a small broker takes seconds for them."""
    log = open_log(url)
    for topic in TOPICS:
        await log.ends(topic)
    await log.close()


async def fewest(url: str) -> int:
    """Rows of what 20 visitors in rage leave behind, asked of ClickHouse by the driver."""
    analytics = open_analytics(url)
    found: list[int] = []
    for table in ("emotions", "decisions"):
        answer = await analytics.query(f"SELECT count() AS n FROM sentientiq.{table} FINAL", {})
        found.append(pa.ipc.open_stream(answer).read_all().to_pylist()[0]["n"])
    await analytics.close()
    return min(found)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_smoke_finds_the_line_whole_on_servers(
    kafka_broker: Broker, clickhouse: FrontServer, postgres_url: str, state_url: str
) -> None:
    log_url = f"{kafka_broker.url}/servers"
    asyncio.run(make_topics(log_url))
    with temporary_folder() as folder:
        up = Up(
            folder,
            *("--engines", "servers"),
            SIQ_POSTGRES_URL=postgres_url,
            SIQ_STATE_URL=state_url,
            SIQ_LOG_URL=log_url,
            SIQ_ANALYTICS_URL=clickhouse.url,
        )
        try:
            up.start()
            engines = {"postgres", "valkey-state", "valkey-log"}
            assert engines.isdisjoint(up.mesh.processes)
            assert not (up.data / "analytics").exists()
            done = sentientiq("smoke", "--data", str(up.data), "--visitors", "20", "--json")
            # Latencies are judged by `sentientiq smoke` itself, on a machine with nothing to do.
            found = json.loads(done.stdout)
            assert (found["lost"], found["duplicated"]) == (0, 0), done.stderr
            assert (found["interventions"], found["acted"]) == (20, 20), done.stderr
            # A block later all of it is in ClickHouse.
            until(lambda: asyncio.run(fewest(clickhouse.url)) >= 20)
            assert "Traceback" not in up.text
        finally:
            up.end()
