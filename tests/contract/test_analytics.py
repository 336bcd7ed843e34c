"""What every adapter of analytics must do. One suite; adapters are its parameters.

`wire` is the driver, by the native protocol, to the engine of today. Debian's server of 2018 knows
neither our types nor bound parameters: tests/integration/test_clickhouse_debian.py says what of the
driver was tried on it.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import services.pipeline
from services.pipeline.analytics import (
    Analytics,
    AnalyticsError,
    Daily,
    EmbeddedAnalytics,
    ServerAnalytics,
    migrating,
    open_analytics,
    statements,
)
from services.pipeline.analytics.daily import PENDING
from services.pipeline.analytics.port import NOTHING
from services.pipeline.arrow import pa
from services.pipeline.recalling import last_stored, recent, stored
from services.pipeline.reports import Reports, load_reports
from services.pipeline.sinks import AnalyticsSink, wall_ms
from services.pipeline.topics import TOPICS
from tests.engines.clickhouse.server import FrontServer
from tests.unit.services.pipeline.messages import (
    batch,
    decision,
    delivered,
    emotion,
    identify,
    outcome,
)

MESSAGES: dict[str, list[Any]] = {
    "events": [batch(1), batch(2), batch(3, received_at_ns=5)],
    "identifies": [identify(3)],
    "emotions": [emotion(rev=1), emotion(rev=2)],
    "decisions": [decision(), decision("d2", asks=False)],
    "outcomes": [
        outcome("DELIVERED", decision="d1", after_ms=100),
        outcome("SHOWN", intervention="d2-help", after_ms=50),
    ],
}
ROWS = {"events": 18, "identifies": 1, "emotions": 1, "decisions": 2, "outcomes": 2}


class Ran(Counter[str]):
    """How often each statement was run on an adapter."""

    def watch(self, analytics: Analytics) -> None:
        execute, query = analytics.execute, analytics.query

        async def executed(
            sql: str, parameters: Mapping[str, str] = NOTHING, settings: Mapping[str, int] = NOTHING
        ) -> None:
            self[sql] += 1
            await execute(sql, parameters, settings)

        async def queried(sql: str, parameters: Mapping[str, str]) -> bytes:
            self[sql] += 1
            return await query(sql, parameters)

        analytics.execute, analytics.query = executed, queried  # type: ignore[method-assign]


@pytest_asyncio.fixture(params=["chdb", "wire"])
async def analytics(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Analytics]:
    """An engine with nothing in it."""
    url = f"chdb://{tmp_path}"
    if request.param == "wire":
        front: FrontServer = request.getfixturevalue("clickhouse")
        front.ask("DROP DATABASE IF EXISTS sentientiq")
        url = front.url
    opened = open_analytics(url)
    yield opened
    await opened.close()


async def rows_of(analytics: Analytics, sql: str, **parameters: str) -> list[dict[str, Any]]:
    answer = await analytics.query(sql, parameters)
    rows: list[dict[str, Any]] = pa.ipc.open_stream(answer).read_all().to_pylist()
    return rows


async def store(analytics: Analytics, daily: Daily | None = None) -> None:
    for topic in TOPICS:
        sink = AnalyticsSink(topic, analytics, daily)
        await sink.handle([delivered(message, topic.decode) for message in MESSAGES[topic.table]])


async def test_each_url_has_its_adapter(analytics: Analytics) -> None:
    assert isinstance(analytics, EmbeddedAnalytics | ServerAnalytics)


async def test_migrations_are_applied_once_and_in_order(analytics: Analytics) -> None:
    applied = await analytics.migrate()
    assert applied == sorted(applied)
    assert applied[:2] == ["0001_tables", "0002_daily"]
    assert await analytics.migrate() == []


async def test_a_migration_that_was_cut_short_is_applied_again(analytics: Analytics) -> None:
    """Killed before each of its statements in turn: it comes a statement further each time."""
    execute = analytics.execute
    left = kills = 0

    class Killed(Exception):
        pass

    async def until(
        sql: str, parameters: Mapping[str, str] = NOTHING, settings: Mapping[str, int] = NOTHING
    ) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        await execute(sql, parameters, settings)

    analytics.execute = until  # type: ignore[method-assign]
    while True:
        left = kills
        try:
            await analytics.migrate()
            break
        except Killed:
            kills += 1
    assert kills > 5
    left = 1_000
    assert await analytics.migrate() == []
    await store(analytics)


async def test_a_changed_migration_is_refused(analytics: Analytics, tmp_path: Path) -> None:
    await analytics.migrate()
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in migrating.MIGRATIONS.glob("*.sql"):
        text = path.read_text()
        # Comments may be mended, statements may not.
        text = f"-- A better word.\n{text}"
        if path.stem == "0001_tables":
            text = text.replace("session_id    String", "session_id    FixedString(16)")
        (changed / path.name).write_text(text)
    with pytest.raises(AnalyticsError, match=r"0001_tables .* put the file back"):
        await migrating.apply(analytics, changed)


async def test_a_version_lets_be_what_a_newer_one_has_applied(
    analytics: Analytics, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    for path in migrating.MIGRATIONS.glob("*.sql"):
        (newer / path.name).write_text(path.read_text())
    (newer / "9999_more.sql").write_text(
        "ALTER TABLE sentientiq.outcomes ADD COLUMN IF NOT EXISTS more String;\n"
    )
    assert (await migrating.apply(analytics, newer))[-1] == "9999_more"
    assert await analytics.migrate() == []
    await store(analytics)
    assert (await rows_of(analytics, "SELECT more FROM sentientiq.outcomes LIMIT 1")) == [
        {"more": ""}
    ]


async def test_a_block_is_stored_whole_and_to_repeat_it_changes_nothing(
    analytics: Analytics,
) -> None:
    await analytics.migrate()
    for _ in range(3):
        await store(analytics)
    for table, count in ROWS.items():
        found = await rows_of(analytics, f"SELECT count() AS n FROM sentientiq.{table} FINAL")
        assert found == [{"n": count}], table


async def test_what_was_stored_before_a_start_stays_as_it_is_when_the_log_repeats_it(
    analytics: Analytics,
) -> None:
    """Another worker has corrected the clock otherwise: the archive has the first, so must this."""
    await analytics.migrate()
    now_ms = wall_ms()
    topic = TOPICS[0]

    def frame(seq: int, offset: int, later_ms: int = 0) -> Any:
        message = batch(seq, t0_ms=now_ms - 60_000 + later_ms)
        return delivered(message, topic.decode, offset=offset)

    await AnalyticsSink(topic, analytics).handle([frame(seq, seq) for seq in (1, 3)])
    before = await rows_of(analytics, TIMES)
    sink = AnalyticsSink(topic, analytics)
    # Of the third frame's block nobody knows whether it was stored whole.
    await sink.recover({3: 2})
    await sink.handle([frame(1, 4, 3_600_000), frame(2, 5), frame(3, 6)])
    assert (sink.duplicates, sink.rows) == (1, 12)
    after = await rows_of(analytics, TIMES)
    assert [row for row in after if row["seq"] != 2] == before
    for other, decoded in ((one, one.decode) for one in TOPICS[1:]):
        block = [delivered(message, decoded) for message in MESSAGES[other.table]]
        await AnalyticsSink(other, analytics).handle(block)
        await AnalyticsSink(other, analytics).recover({3: 1})


TIMES = "SELECT seq, idx, t FROM sentientiq.events FINAL ORDER BY seq, idx"


@pytest.mark.parametrize(
    ("age_days", "left"),
    [
        # Of three frames, each with a pointer move among six events.
        (6, {"events": 18, "identifies": 1, "emotions": 1, "decisions": 2, "outcomes": 2}),
        (8, {"events": 15, "identifies": 1, "emotions": 1, "decisions": 2, "outcomes": 2}),
        (91, {"events": 0, "identifies": 0, "emotions": 1, "decisions": 2, "outcomes": 2}),
        (401, {"events": 0, "identifies": 0, "emotions": 0, "decisions": 0, "outcomes": 0}),
    ],
)
async def test_each_class_of_data_is_kept_as_long_as_it_says(
    analytics: Analytics, age_days: int, left: dict[str, int]
) -> None:
    """From the day of storing, whenever it happened."""
    await analytics.migrate()
    for topic in TOPICS:
        deliveries = [delivered(message, topic.decode) for message in MESSAGES[topic.table]]
        await analytics.insert(
            topic.table, topic.rows(deliveries, wall_ms() - age_days * 86_400_000)
        )
        await analytics.execute(f"OPTIMIZE TABLE sentientiq.{topic.table} FINAL")
    found = {
        table: (await rows_of(analytics, f"SELECT count() AS n FROM sentientiq.{table} FINAL"))[0]
        for table in left
    }
    assert {table: row["n"] for table, row in found.items()} == left


async def test_what_goes_in_comes_out(analytics: Analytics) -> None:
    """Every column of every table: the same value, and of the type that it went in with."""
    await analytics.migrate()
    for topic in TOPICS:
        deliveries = [delivered(message, topic.decode) for message in MESSAGES[topic.table]]
        rows = topic.rows(deliveries, wall_ms())
        await analytics.insert(topic.table, rows)
        order = ", ".join(name for name in ("id", "rev", "seq", "idx") if name in rows.column_names)
        names = ", ".join(rows.column_names)
        # Not FINAL: each revision is a row of its own yet.
        answer = await analytics.query(
            f"SELECT {names} FROM sentientiq.{topic.table} ORDER BY {order}", {}
        )
        found = pa.ipc.open_stream(answer).read_all()
        wanted = pa.Table.from_pylist(rows.to_pylist(), _plain(rows.schema))
        keys = [(key, "ascending") for key in order.split(", ")]
        assert found.cast(wanted.schema).to_pylist() == wanted.sort_by(keys).to_pylist()


def _plain(schema: Any) -> Any:
    """Without dictionaries: the engine answers with words, however it keeps them."""
    fields: list[Any] = [
        (field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
        for field in schema
    ]
    return pa.schema(fields)


@pytest.mark.parametrize(
    "value",
    ["o'b", "a\\x62", "back\\", "tab\tnew\nline\r", "nul\0", "{b:String}", "\\N", "ü€", "%(x)s 1%"],
)
async def test_bound_values_arrive_as_they_are(analytics: Analytics, value: str) -> None:
    assert await rows_of(analytics, "SELECT {value:String} AS value", value=value) == [
        {"value": value}
    ]


async def test_errors_carry_their_code_and_leave_a_usable_engine(analytics: Analytics) -> None:
    for _ in range(2):
        with pytest.raises(AnalyticsError) as caught:
            await analytics.query("SELECT nonsense", {})
        assert caught.value.code == 47
        assert "Stack trace" not in str(caught.value)
    with pytest.raises(AnalyticsError):
        await analytics.execute("CREATE TABLE nowhere.at_all (a Int8) ENGINE = Memory")
    assert await rows_of(analytics, "SELECT 1 AS one") == [{"one": 1}]


async def test_a_report_writes_and_reads_at_once(analytics: Analytics) -> None:
    """A connection each: what is asked does not wait for a block, nor mix with it."""
    await analytics.migrate()
    topic = TOPICS[0]
    rows = topic.rows([delivered(batch(n), topic.decode) for n in range(1, 300)], wall_ms())
    asked = [rows_of(analytics, f"SELECT {n} AS n") for n in range(20)]
    answers, *_ = await asyncio.gather(
        asyncio.gather(*asked), *(analytics.insert("events", rows) for _ in range(5))
    )
    assert answers == [[{"n": n}] for n in range(20)]


async def test_a_block_does_not_wait_for_a_count_and_neither_does_the_end(
    analytics: Analytics,
) -> None:
    """A count of a large day takes minutes; a process that stops has seconds."""
    await analytics.migrate()
    await analytics.execute(
        "CREATE TABLE sentientiq.slow_daily (n UInt64) ENGINE = MergeTree ORDER BY n"
    )
    # Ten minutes, were it let.
    counting = asyncio.create_task(
        analytics.execute(
            "INSERT INTO sentientiq.slow_daily"
            " SELECT number + sleepEachRow(0.1) FROM numbers(6000)",
            {},
            {"max_block_size": 5, "function_sleep_max_microseconds_per_block": 1_000_000_000},
        )
    )
    asked = "SELECT count() AS n FROM system.processes WHERE query LIKE 'INSERT%slow_daily%'"
    while not (await rows_of(analytics, asked))[0]["n"]:
        assert not counting.done()
    await store(analytics)
    assert not counting.done()
    await analytics.close()
    with pytest.raises(AnalyticsError):
        await counting


# A value of each type that a report may ask for; what it answers is the matter of its own test.
_VALUES = {"Date": "2025-10-09", "String": "x", "UInt32": "1", "UInt64": "1"}


def every_statement() -> list[tuple[str, str]]:
    """Those of all files, each with where it stands. A report is its file."""
    found: list[tuple[str, str]] = []
    for path in Path(services.pipeline.__path__[0]).rglob("*.sql"):
        text = path.read_text()
        whole = path.parent.name == "reports"
        found += [
            (f"{path.name}: {sql[:60]}", sql) for sql in ([text] if whole else statements(text))
        ]
    return found


async def test_every_statement_of_every_file_runs(analytics: Analytics) -> None:
    """All SQL that there is, on either adapter: migrations, totals, reports and what stands in
    the code."""
    ran = Ran()
    ran.watch(analytics)
    await analytics.migrate()
    daily = Daily(analytics)
    await store(analytics, daily)
    await daily.recall()
    await daily.refresh()
    reports = Reports(analytics)
    for report in load_reports().values():
        types = dict(re.findall(r"\{(\w+):(\w+)", report.sql))
        given = {
            name: _VALUES.get(types[name], "1")
            for name in report.parameters - report.defaults.keys()
        }
        await reports.run("acme", report.name, given)
    assert [what for what, sql in every_statement() if not ran[sql]] == []
    in_code = [migrating.APPLIED, migrating.RECORD]
    within = {"day": "0", "from": "0", "until": "1", "through": str([1] * 64)}
    for topic in TOPICS:
        await AnalyticsSink(topic, analytics).recover({})
        in_code += [last_stored(topic.table), stored(topic.table)]
        in_code.append(recent(topic.table, topic.seen().columns))
        await analytics.query(in_code[-1], within)
    in_code += [PENDING.format(table=table) for table in ROWS if table != "identifies"]
    assert [sql for sql in in_code if not ran[sql]] == []
    assert len(ran) > 20


def test_no_other_sql_stands_in_the_code() -> None:
    """What the test above would not see."""
    folder = Path(services.pipeline.__path__[0])
    speaks = re.compile(r'"(?:SELECT|INSERT|CREATE|ALTER|DROP|OPTIMIZE|DELETE|KILL)\b')
    known = {
        "analytics/daily.py": 1,  # PENDING
        "analytics/migrating.py": 2,  # APPLIED, RECORD
        "analytics/embedded.py": 2,  # the insert of a block, the end of a count
        "analytics/server.py": 2,  # the same, and SELECT 1
        "recalling.py": 3,  # of each table
    }
    found = {
        str(path.relative_to(folder)): count
        for path in folder.rglob("*.py")
        if (count := len(speaks.findall(path.read_text())))
    }
    assert found == known
