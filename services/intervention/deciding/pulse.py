"""Whether PostgreSQL hangs: what takes long may only wait for a lock, or for a processor.

While a group is written, and takes long, PostgreSQL is asked something that waits for nothing. Only
silence counts: a refusal is an answer, and a loop of ours that lags proves nothing about the other
side.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self

from services.common import logs, postgres
from services.intervention.database import FAILURES, briefly

PATIENCE_S = 0.1
"""How long a group may take before anybody wonders."""
SILENCE_S = 0.15
"""Together they leave the page time to show help 300 ms after the press that called for it."""
_LAG_S = 0.05
_log = logs.get(__name__)


class Pulse:
    """Ends blocks once PostgreSQL is found to hang; one question stands for all of them."""

    def __init__(self, pool: Any) -> None:
        """Use `open`: the pool is for this alone."""
        self._pool = pool
        self._overdue: set[asyncio.Timeout] = set()
        self._asking: asyncio.Task[None] | None = None
        self.silences = 0

    @classmethod
    async def open(cls, url: str, schema: str) -> Self:
        """Connect. To wait for a connection that others have would pass for silence."""
        return cls(await postgres.connect(url, schema=schema, max_size=2))

    async def close(self) -> None:
        """Give the connections up; nobody waits for what they say."""
        if self._asking is not None:
            self._asking.cancel()
        self._pool.terminate()

    @asynccontextmanager
    async def limited(self, seconds: float) -> AsyncGenerator[None]:
        """Run the block for so long at most, and no longer than PostgreSQL has a pulse.

        Raises:
            TimeoutError: either is over.
        """
        loop = asyncio.get_running_loop()
        # One timer, which nearly every block is over before: there is one for each group.
        async with asyncio.timeout(None) as limit:
            until_s = loop.time() + seconds
            timer = loop.call_later(min(PATIENCE_S, seconds), self._wonder, limit, until_s)
            try:
                yield
            finally:
                timer.cancel()
                self._overdue.discard(limit)

    def _wonder(self, limit: asyncio.Timeout, until_s: float) -> None:
        limit.reschedule(until_s)
        self._overdue.add(limit)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        while self._overdue:
            began_s = loop.time()
            silent = await self.is_silent()
            took_s = loop.time() - began_s
            if silent and took_s < SILENCE_S + _LAG_S:
                self.silences += 1
                for limit in self._overdue:
                    limit.reschedule(loop.time())
                self._overdue.clear()
            else:
                await asyncio.sleep(PATIENCE_S)

    async def is_silent(self) -> bool:
        """Whether it does not say a word."""
        try:
            async with briefly(self._pool, SILENCE_S) as connection:
                await connection.fetchval("SELECT 1")
        except TimeoutError:
            return True
        except FAILURES as error:
            _log.warning("PostgreSQL answers, and refuses", error=repr(error))
        return False
