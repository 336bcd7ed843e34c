"""Totals of each day, right under late and repeated rows: touched days are counted again.

A count reads a day as a whole, so it may take long where days are large. It takes a twentieth of
the time at most: after one that took a second the next waits for nineteen. Until then totals are as
of `counted_at`; what is stored by then is in them, whoever stored it and in whatever order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from services.common import logs
from services.pipeline.analytics.errors import AnalyticsError
from services.pipeline.analytics.port import Analytics
from services.pipeline.analytics.statements import statements
from services.pipeline.arrow import compute, pa

_log = logs.get(__name__)
FOLDER: Final = Path(__file__).with_name("daily")
_DAY_S = 86_400
# How far `t` of one and the same row may lie from itself: a frame that was sent again may have got
# another clock offset; an episode lasts no longer than a visit. Days so near are counted anew too.
_MARGIN_S: Final = {"events": 3_600, "emotions": _DAY_S, "decisions": _DAY_S, "outcomes": _DAY_S}
# Of one statement: bounds its memory when recordings of months are replayed.
_DAYS_AT_ONCE = 32
_SHARE = 20
_LONGEST_S = 1_800.0  # far below the day that a process looks back over when it starts
# Since 26.3 FINAL reads every day there is, lest it miss one side of such a row. The statements
# read a day more on either side, which is all that is needed.
_ONLY_NEAR: Final = {"defer_partition_pruning_after_final": 0}
# Rows that were stored before the last count and perhaps not seen by it; none waits longer.
PENDING = (
    "SELECT DISTINCT toDate(t) AS day FROM sentientiq.{table} WHERE stored_at >="
    " (SELECT max(counted_at) FROM sentientiq.{table}_daily) - INTERVAL 1 DAY"
)


class Daily:
    """The days to be counted, of each table that has totals."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._count = {
            table: statements((FOLDER / f"{table}.sql").read_text())[0] for table in _MARGIN_S
        }
        self._days: dict[str, set[date]] = {table: set() for table in _MARGIN_S}
        self.counted = 0
        """Days, each as often as it was."""

    async def recall(self) -> None:
        """Take up what a process that ended may have left uncounted.

        Raises:
            AnalyticsError: the engine does not answer.
        """
        for table, days in self._days.items():
            answer = await self._analytics.query(PENDING.format(table=table), {})
            days.update(row["day"] for row in pa.ipc.open_stream(answer).read_all().to_pylist())

    def touch(self, table: str, rows: Any) -> None:
        """Rows were stored: their days are to be counted."""
        if table in self._days:
            self._days[table].update(_days_of(rows["t"], _MARGIN_S[table]))

    async def refresh(self) -> None:
        """Count what was touched so far.

        Raises:
            AnalyticsError: the engine refuses; what is left is counted the next time.
        """
        for table, touched in self._days.items():
            for days in _runs(sorted(touched)):
                touched.difference_update(days)
                try:
                    await self._analytics.execute(
                        self._count[table],
                        {"from": str(days[0]), "to": str(days[-1] + timedelta(1))},
                        _ONLY_NEAR,
                    )
                except AnalyticsError:
                    touched.update(days)
                    raise
                self.counted += len(days)

    async def run(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Count for ever."""
        recalled = False
        while True:
            began_s = clock()
            try:
                if not recalled:
                    await self.recall()
                    recalled = True
                await self.refresh()
            except AnalyticsError as error:
                _log.warning("daily totals not counted, will retry", error=str(error))
            rest_s = min((_SHARE - 1) * (clock() - began_s), _LONGEST_S)
            await asyncio.sleep(max(interval_s, rest_s))


def _days_of(moments: Any, margin_s: int) -> set[date]:
    seconds = compute.divide(moments.cast(pa.int64()), 1_000)
    found: set[date] = set()
    for step in (-margin_s, 0, margin_s):
        days = compute.divide(compute.add(seconds, step), _DAY_S).cast(pa.int32()).cast(pa.date32())
        found.update(days.unique().to_pylist())
    return found


def _runs(days: list[date]) -> list[list[date]]:
    """Days that follow on each other, not too many."""
    runs: list[list[date]] = []
    for day in days:
        follows = runs and runs[-1][-1] + timedelta(1) == day and len(runs[-1]) < _DAYS_AT_ONCE
        if follows:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
