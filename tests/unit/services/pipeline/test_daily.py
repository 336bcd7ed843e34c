"""Totals of each day against a slow twin: whatever comes late, twice, across midnight or after a
kill, they are what a count of the rows themselves says."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Coroutine, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from services.pipeline.analytics import Daily, EmbeddedAnalytics
from services.pipeline.arrow import pa
from services.pipeline.message_rows import EMOTIONS, emotion_rows
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import T0_MS, batch, delivered, emotion

EVENTS = TOPICS[0]
NUMBERS = itertools.count()
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
_NOW_MS = int(datetime.now(UTC).timestamp() * 1_000)


class Row(NamedTuple):
    """An event of a stream, at minutes from a midnight."""

    stream: int
    seq: int
    minutes: int


ROWS = st.builds(
    Row,
    st.integers(0, 2),
    st.integers(1, 4),
    # Around two midnights, and some days later.
    st.sampled_from([-30, -5, 5, 30, 1_400, 1_435, 1_445, 9_000]),
)
# Blocks of rows, counts of what was touched, and kills: what was touched is forgotten.
STEPS = st.lists(
    st.one_of(st.lists(ROWS, min_size=1, max_size=6), st.just("count"), st.just("kill")),
    max_size=10,
)


def frame(tenant: str, row: Row) -> Any:
    """The same key may come with another time, as a frame does through another edge worker; never
    as another event."""
    shift = timedelta(minutes=row.minutes)
    events: list[list[object]] = [[3, 0, 11, 21, 7]] if row.seq % 2 else [[2, 0, 1, 2]]
    return batch(
        row.seq,
        events,
        tenant=tenant,
        stream=f"p{row.stream}",
        session=f"s{row.stream}",
        t0_ms=int((MIDNIGHT + shift).timestamp() * 1_000),
    )


def day_of(row: Row) -> date:
    return (MIDNIGHT + timedelta(minutes=row.minutes)).date()


def twin(stored: list[Row]) -> dict[tuple[date, str], tuple[int, int]]:
    """Events and sessions of each day and type, each key once: on the last day that it has, which
    is how FINAL chooses."""
    kept: dict[tuple[int, int], Row] = {}
    for row in stored:
        known = kept.get((row.stream, row.seq))
        if known is None or day_of(row) >= day_of(known):
            kept[row.stream, row.seq] = row
    groups: dict[tuple[date, str], list[Row]] = defaultdict(list)
    for row in kept.values():
        groups[day_of(row), "click" if row.seq % 2 else "pointer_move"].append(row)
    return {key: (len(rows), len({row.stream for row in rows})) for key, rows in groups.items()}


async def totals(
    analytics: EmbeddedAnalytics, tenant: str = "acme"
) -> dict[tuple[date, str], tuple[int, int]]:
    answer = await analytics.query(
        "SELECT day, type, events, sessions FROM sentientiq.events_daily FINAL"
        " WHERE events > 0 AND tenant_id = {tenant:String}",
        {"tenant": tenant},
    )
    rows = pa.ipc.open_stream(answer).read_all().to_pylist()
    return {(row["day"], row["type"]): (row["events"], row["sessions"]) for row in rows}


def moved_at_most_an_hour(stored: list[Row], row: Row) -> Row:
    """A clock is corrected by seconds, not by days: the same key stays near its first time."""
    first = next((old for old in stored if (old.stream, old.seq) == (row.stream, row.seq)), row)
    near = abs(first.minutes - row.minutes) <= 60
    return row if near else row._replace(minutes=first.minutes)


class _Engine:
    """One for all examples, each of which is a tenant: to open one takes longer than an example."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self.analytics = EmbeddedAnalytics(Path(self._folder.name))
        self.run(self.analytics.migrate())

    def run(self, call: Coroutine[Any, Any, Any]) -> None:
        self._loop.run_until_complete(call)

    def close(self) -> None:
        self.run(self.analytics.close())
        self._loop.close()
        self._folder.cleanup()


@pytest.fixture
def engine() -> Iterator[_Engine]:
    opened = _Engine()
    yield opened
    opened.close()


# Not made smaller when it fails: a step is cheap to read, and the engine slow to ask. The engine is
# shared on purpose: each example is a tenant of its own.
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEPS, min_size=1, max_size=3))
# What decides where the event is lies beyond the days that are counted the second time.
@example([[[Row(2, 3, 1_445)], [Row(2, 3, 1_400)], "count", [Row(1, 3, 5)]]])
def test_totals_are_those_of_the_slow_twin(engine: _Engine, plays: list[list[Any]]) -> None:
    tenant = f"tenant-{next(NUMBERS)}"
    engine.run(play(engine.analytics, tenant, [step for steps in plays for step in steps]))


async def play(analytics: EmbeddedAnalytics, tenant: str, steps: list[Any]) -> None:
    stored: list[Row] = []
    daily = Daily(analytics)
    for step in steps:
        if step == "count":
            await daily.refresh()
        elif step == "kill":
            daily = Daily(analytics)
            await daily.recall()
        else:
            # Within a block no key comes twice: the sink sees to it.
            block = {(row.stream, row.seq): moved_at_most_an_hour(stored, row) for row in step}
            stored += block.values()
            deliveries = [delivered(frame(tenant, row), EVENTS.decode) for row in block.values()]
            rows = EVENTS.rows(deliveries, _NOW_MS)
            await analytics.insert("events", rows)
            daily.touch("events", rows)
    await daily.refresh()
    assert await totals(analytics, tenant) == twin(stored)
    # Counted again they are what they are.
    await daily.recall()
    await daily.refresh()
    assert await totals(analytics, tenant) == twin(stored)


@pytest.fixture
async def analytics(tmp_path: Path) -> AsyncGenerator[EmbeddedAnalytics]:
    engine = EmbeddedAnalytics(tmp_path)
    await engine.migrate()
    yield engine
    await engine.close()


async def test_an_episode_is_counted_once_on_its_last_day(analytics: EmbeddedAnalytics) -> None:
    """Of revisions on either side of midnight the highest counts, whichever came last."""
    daily = Daily(analytics)
    first, second = emotion(rev=1), emotion(rev=2)
    second.occurred_at_ms = first.occurred_at_ms + 20 * 3_600_000
    for message in (second, first, second):
        rows = emotion_rows([delivered(message, TOPICS[2].decode)], _NOW_MS)
        assert rows.schema == EMOTIONS
        await analytics.insert("emotions", rows)
        daily.touch("emotions", rows)
        await daily.refresh()
    answer = await analytics.query(
        "SELECT day, episodes, confidence_sum FROM sentientiq.emotions_daily FINAL"
        " WHERE episodes > 0",
        {},
    )
    (row,) = pa.ipc.open_stream(answer).read_all().to_pylist()
    day = datetime.fromtimestamp(second.occurred_at_ms / 1_000, UTC).date()
    assert row == {"day": day, "episodes": 1, "confidence_sum": 82}


async def test_a_sealed_day_keeps_its_totals_when_its_rows_expire(
    analytics: EmbeddedAnalytics,
) -> None:
    """What was stored 6 days and more ago may be gone at any moment: its day is counted no more."""
    daily = Daily(analytics)
    day_ms = 86_400_000
    for seq, age_days in ((1, 6.5), (2, 0)):
        block = batch(seq, [[2, 0, 1, 2], [3, 5, 11, 21, 7]], t0_ms=T0_MS)
        stored_at_ms = _NOW_MS - int(age_days * day_ms)
        rows = EVENTS.rows([delivered(block, EVENTS.decode)], stored_at_ms)
        await analytics.insert("events", rows)
        daily.touch("events", rows)
        await daily.refresh()
    found = {kind: count for (_, kind), (count, _) in (await totals(analytics)).items()}
    assert found == {"pointer_move": 1, "click": 2}


async def test_a_count_reads_no_more_than_the_days_around(analytics: EmbeddedAnalytics) -> None:
    """It costs what the touched days hold, not what all days do."""
    rows = EVENTS.rows(
        [delivered(batch(n, t0_ms=T0_MS + n * 86_400_000), EVENTS.decode) for n in range(30)],
        _NOW_MS,
    )
    await analytics.insert("events", rows)
    day = datetime.fromtimestamp(T0_MS / 1_000, UTC).date() + timedelta(15)
    answer = await analytics.query(
        "EXPLAIN indexes = 1 SELECT count() FROM sentientiq.events FINAL"
        " WHERE t >= toDateTime64({from:Date} - 1, 3, 'UTC')"
        " AND t < toDateTime64({to:Date} + 1, 3, 'UTC')"
        " SETTINGS defer_partition_pruning_after_final = 0",
        {"from": str(day), "to": str(day + timedelta(1))},
    )
    lines = [row["explain"] for row in pa.ipc.open_stream(answer).read_all().to_pylist()]
    assert any("Parts: 3/30" in line for line in lines), lines
