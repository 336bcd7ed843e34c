"""Every report on the real engine, and what a caller may and may not pass."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.errors import InvalidArgument, NotFound
from services.common.settings import SettingsError
from services.pipeline.analytics import (
    AnalyticsError,
    EmbeddedAnalytics,
    open_analytics,
    statements,
)
from services.pipeline.arrow import pa
from services.pipeline.report_files import Report, load_reports
from services.pipeline.reports import Reports
from services.pipeline.sinks import AnalyticsSink
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import (
    batch,
    decision,
    delivered,
    emotion,
    identify,
    outcome,
)

MESSAGES: dict[str, list[Any]] = {
    "events": [batch(1), batch(2), batch(1, tenant="other", session="x")],
    "identifies": [identify(3)],
    "emotions": [emotion(rev=1), emotion(rev=2), emotion("e2", tenant="other")],
    "decisions": [decision(), decision("d2", asks=False), decision("d3", tenant="other")],
    "outcomes": [
        outcome("DELIVERED", decision="d1", after_ms=100),
        outcome("ACTED", decision="d1", after_ms=5_000),
        outcome("SHOWN", intervention="d2-help", after_ms=50),
        outcome("SHOWN", intervention="d3-help", tenant="other"),
    ],
}


@pytest.fixture
async def analytics(tmp_path: Path) -> AsyncGenerator[EmbeddedAnalytics]:
    """An engine with a little of everything in it, stored by two processes."""
    engine = EmbeddedAnalytics(tmp_path)
    await engine.migrate()
    await engine.migrate()
    for _ in range(2):  # the second time as after a kill between insert and commit
        for topic in TOPICS:
            sink = AnalyticsSink(topic, engine)
            await sink.handle(
                [delivered(message, topic.decode) for message in MESSAGES[topic.table]] * 2
            )
    yield engine
    await engine.close()


async def answer(analytics: EmbeddedAnalytics, report: str, **given: str) -> list[dict[str, Any]]:
    table = await Reports(analytics).run("acme", report, given)
    rows: list[dict[str, Any]] = pa.ipc.open_stream(table.arrow).read_all().to_pylist()
    assert len(rows) == table.rows
    return rows


@pytest.mark.parametrize("report", sorted(load_reports()))
async def test_every_report_runs_for_a_tenant_without_rows(
    analytics: EmbeddedAnalytics, report: str
) -> None:
    table = await Reports(analytics).run("nobody", report, {})
    rows = pa.ipc.open_stream(table.arrow).read_all().to_pylist()
    assert sum(row.get("rows", 1) for row in rows) == 0


async def test_events_by_type(analytics: EmbeddedAnalytics) -> None:
    rows = await answer(analytics, "events_by_type")
    counts = {row["type"]: row["events"] for row in rows}
    assert counts == {"click": 4, "page_view": 2, "pointer_move": 2, "scroll": 2, "track": 2}
    assert await answer(analytics, "events_by_type", to="2020-01-01 00:00:00") == []


async def test_emotions_daily_counts_episodes_at_their_highest_revision(
    analytics: EmbeddedAnalytics,
) -> None:
    (row,) = await answer(analytics, "emotions_daily")
    assert (row["emotion"], row["episodes"], row["mean_confidence"]) == ("rage", 1, 82.0)


async def test_the_last_word_about_an_emotion_goes_before_what_was_done(
    analytics: EmbeddedAnalytics,
) -> None:
    topic = next(topic for topic in TOPICS if topic.table == "outcomes")

    async def judged(*said: tuple[str, int]) -> tuple[int, int]:
        told = [outcome("FEEDBACK", decision="d1", after_ms=after_ms) for _, after_ms in said]
        for one, (word, _) in zip(told, said, strict=True):
            one.detail = word
            one.id = f"{one.id}-{word}"
        await AnalyticsSink(topic, analytics).handle([delivered(one, topic.decode) for one in told])
        (row,) = await answer(analytics, "detector_accuracy_daily")
        return row["right"], row["wrong"]

    assert await judged() == (1, 0), "somebody acted"
    assert await judged(("wrong", 6_000), ("unsure", 6_500)) == (0, 1)
    assert await judged(("right", 7_000), ("wrong", 5_500)) == (1, 0)


async def test_journey_follows_decisions_to_their_outcomes(analytics: EmbeddedAnalytics) -> None:
    rows = {row["decision_id"]: row for row in await answer(analytics, "journey")}
    assert sorted(rows) == ["d1", "d2"]
    assert (rows["d1"]["outcomes"], rows["d1"]["time_to_act_ms"]) == (["delivered", "acted"], 5_000)
    assert (rows["d2"]["outcomes"], rows["d2"]["time_to_act_ms"]) == (["shown"], None)
    assert (rows["d1"]["value_minor"], rows["d2"]["value_minor"]) == (10_000_000, None)
    assert len(await answer(analytics, "journey", limit="1")) == 1


async def test_log_freshness_counts_every_table(analytics: EmbeddedAnalytics) -> None:
    rows = {row["source"]: row["rows"] for row in await answer(analytics, "log_freshness")}
    assert rows == {"events": 12, "identifies": 1, "emotions": 1, "decisions": 2, "outcomes": 3}


async def test_unknown_report_names_those_there_are(analytics: EmbeddedAnalytics) -> None:
    with pytest.raises(NotFound, match="events_by_type, funnel, journey, log_freshness"):
        await answer(analytics, "everything")


@pytest.mark.parametrize(
    "given", [{"tenant": "other"}, {"limits": "1"}, {"limit": "many"}, {"from": "yesterday"}]
)
async def test_parameters_that_do_not_fit(
    analytics: EmbeddedAnalytics, given: dict[str, str]
) -> None:
    with pytest.raises(InvalidArgument):
        await answer(analytics, "journey", **given)


@pytest.mark.parametrize(
    "value", ["o'b", "a\\x62", "back\\", "tab\tnew\nline\r", "nul\0", "{b:String}", "\\N", "ü€"]
)
async def test_bound_values_arrive_as_they_are(analytics: EmbeddedAnalytics, value: str) -> None:
    arrow = await analytics.query("SELECT {value:String} AS value", {"value": value})
    assert pa.ipc.open_stream(arrow).read_all().to_pylist() == [{"value": value}]


async def test_coordinates_are_columns(analytics: EmbeddedAnalytics) -> None:
    arrow = await analytics.query(
        "SELECT type, x, y FROM sentientiq.events FINAL WHERE tenant_id = 'other' ORDER BY idx", {}
    )
    assert [tuple(row.values()) for row in pa.ipc.open_stream(arrow).read_all().to_pylist()] == [
        ("page_view", None, None),
        ("pointer_move", 10.5, 20.0),
        ("click", 11.0, 21.0),
        ("click", 11.0, 21.0),
        ("track", None, None),
        ("scroll", None, 400.0),
    ]


async def test_days_far_apart_go_in_one_block(analytics: EmbeddedAnalytics) -> None:
    topic = TOPICS[0]
    sink = AnalyticsSink(topic, analytics)
    day_ms = 86_400_000
    frames = [batch(day, tenant="days", t0_ms=day * 40 * day_ms) for day in range(1, 151)]
    await sink.handle([delivered(frame, topic.decode) for frame in frames])
    arrow = await analytics.query(
        "SELECT uniqExact(toDate(t)) AS days FROM sentientiq.events WHERE tenant_id = 'days'", {}
    )
    assert pa.ipc.open_stream(arrow).read_all().to_pylist() == [{"days": 150}]


async def test_engine_errors_carry_their_code(analytics: EmbeddedAnalytics) -> None:
    with pytest.raises(AnalyticsError) as caught:
        await analytics.query("SELECT nonsense", {})
    assert caught.value.code == 47


def test_statements_are_split_at_line_ends() -> None:
    assert statements("-- a;\nSELECT 1;\n\nSELECT ';'\n  , 2;\n") == [
        "SELECT 1",
        "SELECT ';'\n  , 2",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "postgresql://a:secret@b",
        "chdb://relative",
        "clickhouse://a:secret@host/db",
        "clickhouse://a:secret@host:port",
    ],
)
def test_unknown_url_names_the_mend_and_no_password(url: str) -> None:
    with pytest.raises(SettingsError, match=r"SIQ_ANALYTICS_URL.*clickhouse://user") as caught:
        open_analytics(url)
    assert "secret" not in str(caught.value)


async def test_cost_units_say_who_was_held_and_whether_help_came(
    analytics: EmbeddedAnalytics,
) -> None:
    topic = next(topic for topic in TOPICS if topic.table == "decisions")
    held = decision("d9", asks=False)
    held.action = pb.DECISION_ACTION_NOTHING
    held.ClearField("intervention")
    held.arms_met.add(
        experiment="holdout:global", unit_kind="person", variant="held", propensity=0.1
    )
    held.decided_at_ms += 1_000
    await AnalyticsSink(topic, analytics).handle([delivered(held, topic.decode)] * 2)
    rows = {row["decision_id"]: row for row in await answer(analytics, "cost_units")}
    assert sorted(rows) == ["d1", "d2", "d9"]
    first, helped, left = rows["d1"], rows["d2"], rows["d9"]
    assert (left["met"], left["met_arms"], left["met_propensities"]) == (
        ["holdout:global"], ["held"], [0.1]
    )  # fmt: skip
    assert (left["acted_at_ms"], left["shown_at_ms"], left["value_minor"]) == (0, 0, None)
    assert first["acted_at_ms"] - first["at_ms"] == 5_000
    assert first["stored_at_ms"] > left["at_ms"]
    assert helped["shown_at_ms"] - helped["at_ms"] == 50
    assert (first["page"], first["events_before"], left["emotions_before"]) == ("/pricing", 10, 2)
    (last,) = await answer(
        analytics, "cost_units", after_t="2025-10-09 08:53:20.600", after_id="d1", limit="1"
    )
    assert last["decision_id"] == "d2"
    assert await answer(analytics, "cost_units", emotion="confusion") == []


async def test_cost_units_of_a_page_know_what_was_before_it(analytics: EmbeddedAnalytics) -> None:
    whole = await answer(analytics, "cost_units")
    after = {"after_t": "2025-10-09 08:53:20.600", "after_id": "d1"}
    assert await answer(analytics, "cost_units", **after) == whole[1:]
    assert whole[1]["events_before"] == 10


@pytest.mark.parametrize(
    "report",
    # The archive is compared row by row, whichever day they fell on.
    [
        one
        for one in load_reports().values()
        if "sentientiq.events FINAL" in one.sql and one.name != "row_hashes"
    ],
    ids=lambda report: report.name,
)
def test_days_of_events_are_not_merged_with_each_other(report: Report) -> None:
    """Else a report over a month merges rows that were merged, and takes four times as long."""
    assert "do_not_merge_across_partitions_select_final = 1" in report.sql


async def test_cost_outcomes_are_found_by_folded_names(analytics: EmbeddedAnalytics) -> None:
    rows = await answer(analytics, "cost_outcomes", names="['sale']")
    assert [row["props"] for row in rows] == ['{"plan":"pro"}'] * 2
    assert len({row["key"] for row in rows}) == 2
    assert await answer(analytics, "cost_outcomes", names="['sales']") == []
