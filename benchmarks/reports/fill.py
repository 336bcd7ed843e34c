"""A tenant with very many events, made by the engine itself: INSERT SELECT from numbers()."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.pipeline.arrow import pa

if TYPE_CHECKING:
    from services.pipeline.analytics import Analytics

TENANT: Final = "bench"
_AT_ONCE: Final = 1_000_000
_VISIT: Final = 50
_REPEATED: Final = 200
"""One frame in so many of the last insert is in the table twice, as after a kill."""


async def fill(analytics: Analytics, events: int) -> None:
    """Add them; past days are then merged, as the engine does by itself within some hours."""
    for start in range(0, events, _AT_ONCE):
        await _insert(
            analytics, "events", start=start, count=min(_AT_ONCE, events - start), every=1
        )
    last = max(events - _AT_ONCE, 0)
    await _insert(analytics, "events", start=last, count=events - last, every=_REPEATED)
    visits = events // _VISIT // 10
    await _insert(analytics, "emotions", visits=visits)
    await _insert(analytics, "decisions", visits=visits)
    for step in (1, 2):
        await _insert(analytics, "outcomes", visits=visits, step=step)
    for day in await _past_days(analytics):
        await analytics.query(f"OPTIMIZE TABLE sentientiq.events PARTITION ID '{day}' FINAL", {})


async def _insert(analytics: Analytics, table: str, **given: int) -> None:
    sql = Path(__file__).with_name(f"{table}.sql").read_text()
    await analytics.query(sql, {name: str(value) for name, value in given.items()})


async def _past_days(analytics: Analytics) -> list[str]:
    answer = await analytics.query(
        "SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = 'sentientiq'"
        " AND table = 'events' AND partition_id < toString(toYYYYMMDD(now('UTC')))",
        {},
    )
    rows: list[dict[str, str]] = pa.ipc.open_stream(answer).read_all().to_pylist()
    return [row["partition_id"] for row in rows]
