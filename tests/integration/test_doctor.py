"""The doctor before real engines: one that keeps its word, and one that would forget."""

from __future__ import annotations

from pathlib import Path

from cli.doctor.checks import examine
from cli.doctor.finding import Patient, State
from tests.engines.clickhouse.server import FrontServer
from tests.engines.kafka.broker import Broker

ENGINES = frozenset({"postgres", "log", "state"})


async def states(
    tmp_path: Path, environ: dict[str, str], names: frozenset[str]
) -> dict[str, State]:
    report = await examine(Patient(tmp_path, environ), names)
    return {each.name: each.state for findings in report.values() for each in findings}


async def test_engines_of_up_are_fine(
    tmp_path: Path, postgres_url: str, state_url: str, log_url: str
) -> None:
    environ = {
        "SIQ_POSTGRES_URL": postgres_url,
        "SIQ_STATE_URL": state_url,
        "SIQ_LOG_URL": log_url,
    }
    found = await states(tmp_path, environ, ENGINES)
    assert set(found) == {"postgres", "state", "log", "log safety", "log room"}
    assert set(found.values()) == {State.OK}


async def test_log_on_a_store_without_a_file_and_a_bound_is_refused(
    tmp_path: Path, state_url: str
) -> None:
    found = await states(tmp_path, {"SIQ_LOG_URL": state_url}, frozenset({"log"}))
    assert found["log"] is State.OK
    assert found["log safety"] is State.FAIL
    assert found["log room"] is State.FAIL


async def test_servers_that_a_mesh_grows_into_are_found(
    tmp_path: Path, kafka_broker: Broker, clickhouse: FrontServer
) -> None:
    environ = {"SIQ_LOG_URL": kafka_broker.url, "SIQ_ANALYTICS_URL": clickhouse.url}
    report = await examine(Patient(tmp_path, environ), frozenset({"log", "analytics"}))
    log, analytics = report["Engines"]
    assert (log.state, analytics.state) == (State.WARN, State.OK)
    assert "1 broker: what one has acknowledged is lost with it" in log.found
    assert "ClickHouse 26" in analytics.found


async def test_servers_that_are_not_there_are_named_without_their_passwords(
    tmp_path: Path,
) -> None:
    environ = {
        "SIQ_LOG_URL": "kafka://siq:secret@127.0.0.1:1",
        "SIQ_ANALYTICS_URL": "clickhouse://siq:secret@127.0.0.1:1",
    }
    report = await examine(Patient(tmp_path, environ), frozenset({"log", "analytics"}))
    for finding, variable in zip(report["Engines"], environ, strict=True):
        assert finding.state is State.FAIL
        assert "127.0.0.1:1" in finding.found
        assert variable in finding.mend
        assert "secret" not in finding.found


async def test_partitions_that_nobody_holds_are_named(tmp_path: Path, state_url: str) -> None:
    report = await examine(
        Patient(tmp_path, {"SIQ_STATE_URL": state_url}), frozenset({"detection"})
    )
    (finding,) = report["Processes"]
    assert finding.state is State.FAIL
    assert finding.found == "0 of 64 partitions held"
