"""The driver over the wire to a real server: Debian's, of 2018.

Its dialect has neither DateTime64 nor codecs, TTL, FINAL of today, `WITH` tables nor bound
parameters: the schema is taken back to what it knows, by the substitutions below. What is left is
what the adapter itself does: it connects, describes, sends blocks of every kind of column, reads
them back, is refused, is cut off and comes again.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from services.pipeline.analytics import AnalyticsError, ServerAnalytics, statements
from services.pipeline.analytics.statements import MIGRATIONS
from services.pipeline.arrow import pa
from services.pipeline.topics import TOPICS
from tests.contract.test_analytics import MESSAGES, ROWS
from tests.engines.clickhouse.debian import DebianServer
from tests.unit.services.pipeline.messages import delivered

_T = "toDateTime(intDiv(t, 1000))"
_BACK: Mapping[str, str] = {
    # Milliseconds stay what they are on the wire: a number of 64 bits.
    r"DateTime64\(3, 'UTC'\)": "Int64",
    r" CODEC\([^,]*, [^)]*\(\d\)\)": "",
    r"TTL .*?(?=\nSETTINGS)": "",
    r"\nSETTINGS .*": "",
    r"ADD COLUMN IF NOT EXISTS": "ADD COLUMN",
    r"toYYYYMMDD\(t\)": f"toYYYYMMDD({_T})",
}


class OldServer(ServerAnalytics):
    """Without settings that it refuses as unknown."""

    insert_settings: Mapping[str, int] = {}


@pytest_asyncio.fixture
async def analytics(clickhouse_debian: DebianServer) -> AsyncIterator[OldServer]:
    clickhouse_debian.ask("DROP DATABASE IF EXISTS sentientiq", "CREATE DATABASE sentientiq")
    opened = OldServer(clickhouse_debian.url)
    for statement in statements((MIGRATIONS / "0001_tables.sql").read_text()):
        for pattern, instead in _BACK.items():
            statement = re.sub(pattern, instead, statement, flags=re.DOTALL)
        if "MODIFY SETTING" not in statement:  # when parts are merged is the server's own affair
            await opened.execute(statement)
    yield opened
    await opened.close()


async def rows_of(analytics: OldServer, sql: str) -> list[dict[str, Any]]:
    answer = await analytics.query(sql, {})
    rows: list[dict[str, Any]] = pa.ipc.open_stream(answer).read_all().to_pylist()
    return rows


async def test_blocks_of_every_table_arrive_and_repeat_without_effect(
    analytics: OldServer,
) -> None:
    for topic in TOPICS:
        deliveries = [delivered(message, topic.decode) for message in MESSAGES[topic.table]]
        rows = topic.rows(deliveries, 1_760_000_001_234)
        for _ in range(2):
            await analytics.insert(topic.table, rows)
        found = await rows_of(analytics, f"SELECT count() AS n FROM sentientiq.{topic.table} FINAL")
        assert found == [{"n": ROWS[topic.table]}], topic.table
    emotion = (await rows_of(analytics, "SELECT * FROM sentientiq.emotions FINAL"))[0]
    assert (emotion["emotion"], emotion["rev"], emotion["confidence"]) == ("rage", 2, 82)
    assert (emotion["evidence_seq"], emotion["features"]) == ([1, 1], ["presses"])
    assert emotion["stored_at"] == 1_760_000_001_234
    values = await rows_of(analytics, "SELECT value_minor FROM sentientiq.decisions ORDER BY id")
    assert {row["value_minor"] for row in values} == {10_000_000, None}


async def test_a_refusal_carries_its_code(analytics: OldServer) -> None:
    for _ in range(2):
        with pytest.raises(AnalyticsError) as caught:
            await analytics.query("SELECT nonsense", {})
        assert caught.value.code == 47
    assert await rows_of(analytics, "SELECT 1 AS one") == [{"one": 1}]


async def test_a_server_that_was_killed_is_found_again(
    analytics: OldServer, clickhouse_debian: DebianServer
) -> None:
    topic = TOPICS[0]
    rows = topic.rows([delivered(MESSAGES["events"][0], topic.decode)], 1)
    await analytics.insert("events", rows)
    clickhouse_debian.stop()
    with pytest.raises(AnalyticsError):
        await analytics.insert("events", rows)
    clickhouse_debian.start()
    await analytics.insert("events", rows)
    assert await rows_of(analytics, "SELECT count() AS n FROM sentientiq.events FINAL") == [
        {"n": 6}
    ]


async def test_a_server_that_hangs_is_an_error_in_time(clickhouse_debian: DebianServer) -> None:
    hurried = OldServer(f"{clickhouse_debian.url}?send_receive_timeout=1")
    await hurried.query("SELECT 1", {})
    assert clickhouse_debian.pid is not None
    os.kill(clickhouse_debian.pid, signal.SIGSTOP)
    try:
        with pytest.raises(AnalyticsError):
            await hurried.query("SELECT 2", {})
    finally:
        os.kill(clickhouse_debian.pid, signal.SIGCONT)
    await hurried.close()


async def test_it_is_too_old_for_the_schema_and_says_so(clickhouse_debian: DebianServer) -> None:
    plain = ServerAnalytics(clickhouse_debian.url)
    with pytest.raises(AnalyticsError, match=r"ClickHouse 18\.16.* use 22\.8 or newer"):
        await plain.migrate()
    await plain.close()


async def test_nobody_there_is_an_error_without_the_password() -> None:
    nowhere = ServerAnalytics("clickhouse://someone:secret@127.0.0.1:1")
    with pytest.raises(AnalyticsError) as caught:
        await nowhere.query("SELECT 1", {})
    assert "127.0.0.1:1" in str(caught.value)
    assert "secret" not in str(caught.value)
    await nowhere.close()
