"""What is recalled of analytics at a start: of the time before a stop, and not too much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.pipeline import recalling
from services.pipeline.analytics import AnalyticsError, EmbeddedAnalytics
from services.pipeline.arrow import pa
from services.pipeline.recalling import from_analytics
from services.pipeline.seen import SeenFrames
from services.pipeline.sinks import wall_ms
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import batch, delivered

BEHAVIOR = TOPICS[0]
HOUR_MS = 3_600_000
_PATIENCE_S = 20
_TOO_MUCH_MEMORY = 241


class Refusing(EmbeddedAnalytics):
    """It refuses every answer but so many, as an engine whose memory is full does."""

    answers = 1_000
    code = _TOO_MUCH_MEMORY

    async def query(self, sql: str, parameters: Mapping[str, str]) -> bytes:
        self.answers -= 1
        if self.answers < 0:
            raise AnalyticsError("Memory limit exceeded", self.code)
        return await super().query(sql, parameters)


@pytest_asyncio.fixture
async def analytics(tmp_path: Path) -> AsyncIterator[Refusing]:
    opened = Refusing(tmp_path)
    await opened.migrate()
    yield opened
    await opened.close()


async def stored(analytics: EmbeddedAnalytics, seqs: range, stored_ms: int) -> None:
    """Frames of one stream, of the time when they are stored."""
    frames = [delivered(batch(seq, t0_ms=stored_ms), BEHAVIOR.decode) for seq in seqs]
    await analytics.insert("events", BEHAVIOR.rows(frames, stored_ms))


async def recalled(analytics: EmbeddedAnalytics, now_ms: int) -> list[list[int]]:
    """The numbers that each answer tells."""
    found = await from_analytics(analytics, "events", SeenFrames.columns, {3: 1}, now_ms)
    return [
        sorted(seq for seqs in table["seq_distinct"].to_pylist() for seq in seqs)
        for table in found.tables
    ]


async def test_a_long_stop_forgets_nothing(analytics: Refusing) -> None:
    now_ms = wall_ms()
    await stored(analytics, range(1, 3), now_ms - 70 * HOUR_MS)
    await stored(analytics, range(3, 5), now_ms - 50 * HOUR_MS)
    await stored(analytics, range(5, 7), now_ms - 30 * HOUR_MS)
    assert await recalled(analytics, now_ms) == [[3, 4, 5, 6]]


async def test_an_answer_and_all_of_them_have_a_limit(
    analytics: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In messages: there may be as few streams as one."""
    now_ms = wall_ms()
    for hours in range(4):
        await stored(analytics, range(10 * hours + 1, 10 * hours + 4), now_ms - hours * HOUR_MS)
    monkeypatch.setattr(recalling, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(recalling, "_MOST_MESSAGES", 6)
    assert await recalled(analytics, now_ms) == [[1, 2, 3], [11, 12, 13]]


@pytest.mark.parametrize("answers", [0, 1, 3])
async def test_who_is_refused_starts_with_what_there_is(
    analytics: Refusing, answers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ms = wall_ms()
    for hours in range(2):
        await stored(analytics, range(10 * hours + 1, 10 * hours + 4), now_ms - hours * HOUR_MS)
    monkeypatch.setattr(recalling, "_ROWS_AT_ONCE", 1)
    analytics.answers = answers
    assert await recalled(analytics, now_ms) == ([[1, 2, 3]] if answers == 3 else [])
    analytics.code = 0
    with pytest.raises(AnalyticsError):
        await recalled(analytics, now_ms)


async def test_the_end_does_not_wait_for_an_answer(tmp_path: Path) -> None:
    """What is recalled at a start, or a report, of much."""
    analytics = EmbeddedAnalytics(tmp_path)
    slow = "SELECT sum(sleepEachRow(0.1)) AS n FROM numbers(6000) SETTINGS max_block_size = 5"
    limit = "function_sleep_max_microseconds_per_block = 1000000000"
    asking = [
        asyncio.create_task(analytics.query(f"{slow}, {limit}", {})),
        asyncio.create_task(analytics.query("SELECT 1", {})),
    ]
    beside = EmbeddedAnalytics(tmp_path)
    asked = "SELECT count() AS n FROM system.processes WHERE query LIKE 'SELECT sum(sleep%'"
    while pa.ipc.open_stream(await beside.query(asked, {})).read_all()["n"].to_pylist() == [0]:
        assert not asking[0].done()
    await beside.close()
    async with asyncio.timeout(_PATIENCE_S):
        await analytics.close()
        await asyncio.gather(*asking, return_exceptions=True)


class Slow:
    """A session that takes its time to close."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.closed = False

    def close(self) -> None:
        self.closed = self.go_on.wait(10)


async def test_the_loop_goes_on_while_the_engine_ends(tmp_path: Path) -> None:
    analytics: Any = EmbeddedAnalytics(tmp_path)
    analytics._reading._session = slow = Slow()
    closing = asyncio.create_task(analytics.close())
    await asyncio.sleep(0.05)
    slow.go_on.set()
    await closing
    assert slow.closed
