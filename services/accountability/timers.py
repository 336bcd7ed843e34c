"""The clock: what is due is expired or ignored, but only once every outcome in time was heard.

After an outage outcomes wait in the log that say a recommendation was acted on in time. A clock
that went by the wall would write "expired" first and have to take it back. So time for
recommendations is the moment up to which outcome.v1 has been read to its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services.accountability.ledger import Ledger
from services.accountability.store import AWAY
from services.common import logs
from services.common.log import OUTCOME, EventLog, LogUnavailable

_log = logs.get(__name__)
_AWAY: tuple[type[Exception], ...] = (LogUnavailable, *AWAY)


def wall_ms() -> int:
    """Unix epoch in milliseconds."""
    return time.time_ns() // 1_000_000


class HeardUntil:
    """The moment up to which every outcome in the log has been applied by `group`."""

    def __init__(
        self, log: EventLog, group: str, grace_ms: int, now_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._log = log
        self._group = group
        self._grace_ms = grace_ms
        self._now_ms = now_ms
        self._at_ms = 0

    def __call__(self) -> int:
        return self._at_ms

    async def advance(self) -> None:
        """Move on if the group has read the topic to its end; stand still otherwise."""
        now_ms = self._now_ms()
        ends = await self._log.ends(OUTCOME)
        committed = await self._log.committed(self._group, OUTCOME)
        if all(committed.get(partition, 0) >= end for partition, end in ends.items()):
            self._at_ms = max(self._at_ms, now_ms - self._grace_ms)


async def run_timers(ledger: Ledger, heard_until: HeardUntil, interval_s: float) -> None:
    """Look for due recommendations until cancelled. They stand in the table, so a restart
    forgets none."""
    while True:
        try:
            await heard_until.advance()
            while await ledger.apply_timers():
                pass
        except _AWAY as error:
            _log.warning("timers wait for an engine", error=str(error))
        await asyncio.sleep(interval_s)


async def refold_older(ledger: Ledger, version: int, interval_s: float) -> None:
    """Fold once what an older version of this code folded, or never came to fold."""
    while True:
        try:
            count = await ledger.refold(version)
        except AWAY as error:
            _log.warning("folding anew waits for PostgreSQL", error=str(error))
            await asyncio.sleep(interval_s)
            continue
        if count:
            _log.info("recommendations folded anew", count=count, version=version)
        return
