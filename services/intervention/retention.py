"""Deletes what is kept for a number of days only, in small batches, and counts it.

Each batch is a transaction of its own that takes only rows nobody holds, and the next one waits
a moment: decisions that are being made never wait long for it. Several replicas may sweep at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

from services.common import logs
from services.intervention.clock import Clock
from services.intervention.database import FAILURES
from services.intervention.settings import Settings
from services.intervention.store import retention as store

_EVERY_S: Final = 3_600.0
_BREATH_S: Final = 0.05
_BATCH: Final = 500
_LOOKED_AT: Final = 2_000
_DAY_MS: Final = 86_400_000
_log = logs.get(__name__)


class Retention:
    """The loop that deletes; 0 days: everything is kept."""

    def __init__(self, pool: Any, settings: Settings, clock: Clock) -> None:
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self.deleted: Counter[str] = Counter(
            decisions=0, guards=0, nonces=0, experiment_exposures=0, experiment_observations=0
        )

    async def run(self) -> None:
        """Sweep each hour until cancelled."""
        while True:
            try:
                await self.sweep()
            except FAILURES as error:
                _log.warning("retention waits for PostgreSQL", error=repr(error))
            await asyncio.sleep(_EVERY_S)

    async def sweep(self) -> None:
        """Delete everything that has had its time."""
        now_ms, kept = self._clock(), self._settings
        # A permission is of no use once it has expired.
        await self._clear("nonces", self._by_time("nonces", now_ms))
        if kept.retention_decisions_days:
            before_ms = now_ms - kept.retention_decisions_days * _DAY_MS
            await self._clear("decisions", self._decisions(before_ms))
        if kept.retention_guards_days:
            before_ms = now_ms - kept.retention_guards_days * _DAY_MS
            await self._clear("guards", self._guards(before_ms))
        if kept.retention_experiments_days:
            before_ms = now_ms - kept.retention_experiments_days * _DAY_MS
            for table in ("experiment_observations", "experiment_exposures"):
                await self._clear(table, self._by_time(table, before_ms))

    async def _clear(self, name: str, batches: AsyncIterator[int]) -> None:
        gone = 0
        async for count in batches:
            gone += count
            self.deleted[name] += count
            await asyncio.sleep(_BREATH_S)
        if gone:
            _log.info("retention deleted", what=name, count=gone)

    async def _decisions(self, before_ms: int) -> AsyncIterator[int]:
        while count := await store.delete_old_decisions(self._pool, before_ms, _BATCH):
            yield count

    async def _guards(self, before_ms: int) -> AsyncIterator[int]:
        place: store.Place | None = store.Place()
        while place is not None:
            count, place = await store.delete_old_guards(self._pool, place, before_ms, _LOOKED_AT)
            yield count

    async def _by_time(self, table: str, before_ms: int) -> AsyncIterator[int]:
        while count := await store.delete_by_time(self._pool, table, before_ms, _BATCH):
            yield count
