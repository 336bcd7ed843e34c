"""Timers that outlive their process: rows in PostgreSQL, each done once, by whichever replica.

A timer is taken out and acted on in one transaction: a crash between the two leaves it due.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.common import logs
from services.common.errors import Unavailable
from services.common.ids import stable_id
from services.intervention.clock import Clock
from services.intervention.database import FAILURES, is_away

ESCALATE = "escalate"
SETTLE = "settle"
TELL = "tell"
_POLL_S = 1.0
_BREATH_S = 0.05
_AGAIN_MS, _LONGEST_MS = 2_000, 60_000
_AT_ONCE = 4
_MAX_ATTEMPTS = 100
_PURGE_MS = 3_600_000
_KEPT_MS = 7 * 86_400_000
_log = logs.get(__name__)

# One that this process is at stands there, due, until its transaction ends, or it is put off.
_NEXT = "SELECT min(due_at_ms) FROM timers WHERE NOT ended AND id <> ALL ($1::text[])"
_TAKE = """
UPDATE timers SET ended = true WHERE id = (
    SELECT id FROM timers WHERE NOT ended AND due_at_ms <= $1 AND id <> ALL ($2::text[])
    ORDER BY due_at_ms LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, decision_id, subject, due_at_ms, attempts
"""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that is due."""

    id: str
    kind: str
    decision_id: str
    subject: str
    due_at_ms: int
    attempts: int = 0


Effect = Callable[[Any, Timer, int], Awaitable[None]]
"""What a timer does, with a connection in its transaction and the time."""


async def set_timer(
    connection: Any, kind: str, decision_id: str, subject: str, due_at_ms: int
) -> None:
    """Set a timer, once for each kind, decision and subject, whether it has ended or not."""
    await connection.execute(
        "INSERT INTO timers (id, kind, decision_id, subject, due_at_ms) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        stable_id("timer", kind, decision_id, subject),
        kind,
        decision_id,
        subject,
        due_at_ms,
    )


async def stop_timers(connection: Any, kind: str, decision_ids: Collection[str]) -> None:
    """Stop these, whatever their subject. One that is being acted on is waited for."""
    await connection.execute(
        "UPDATE timers SET ended = true"
        " WHERE kind = $1 AND decision_id = ANY($2::text[]) AND NOT ended",
        kind,
        list(decision_ids),
    )


class Timers:
    """Does what is due.

    Of the workers one looks for what comes next; who has taken something out lets the next one
    look. So waiting costs one question, however many may work at once.
    """

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        effects: Mapping[str, Effect],
        *,
        committed: Callable[[], None],
    ) -> None:
        """`committed()` is called after each commit: there may be outcomes and messages."""
        self._pool = pool
        self._clock = clock
        self._effects = effects
        self._committed = committed
        self._set = asyncio.Event()
        self._looking = asyncio.Lock()
        self._at: set[str] = set()
        """What our workers are at, until it has ended or is put off."""
        self.done: dict[str, int] = dict.fromkeys(effects, 0)
        self.failures = 0
        self._purged_ms = 0

    def wake(self) -> None:
        """Tell that a timer was set: it may be due before the next look."""
        self._set.set()

    async def run(self) -> None:
        """Do what is due until cancelled; a few at a time, for one may wait for who people are."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                await self._one()
            except FAILURES as error:
                self.failures += 1
                _log.warning("timers wait for PostgreSQL", error=repr(error))
                await asyncio.sleep(_POLL_S)

    async def _due(self) -> None:
        """Wait until something is due."""
        while (pause_s := await self._until_next()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._set.wait()
            self._set.clear()
            await self._purge()

    async def _purge(self) -> None:
        """Once an hour: forget what ended long ago."""
        now_ms = self._clock()
        if now_ms - self._purged_ms >= _PURGE_MS:
            self._purged_ms = now_ms
            await self._pool.execute(
                "DELETE FROM timers WHERE ended AND due_at_ms < $1", now_ms - _KEPT_MS
            )

    async def _until_next(self) -> float:
        """Seconds to the next one, at most the time between two looks: replicas set some too."""
        due_at_ms = await self._pool.fetchval(_NEXT, list(self._at))
        return _POLL_S if due_at_ms is None else min(_POLL_S, (due_at_ms - self._clock()) / 1000)

    async def _one(self) -> None:
        """Wait for one and do it."""
        timer: Timer | None = None
        try:
            async with self._taken() as (connection, timer):
                effect = self._effects.get(timer.kind)
                if effect is None:  # of a newer release
                    raise Unavailable(f"no such timer here: {timer.kind}")
                await effect(connection, timer, self._clock())
        except Exception as error:
            # The boundary of a timer: a defect that one meets must not stop the others.
            if timer is None or (isinstance(error, FAILURES) and is_away(error)):
                raise
            self.failures += 1
            await self._put_off(timer, error)
        else:
            self.done[timer.kind] += 1
            self._committed()
            self.wake()  # it may have set others
        finally:
            if timer is not None:
                self._at.discard(timer.id)

    @asynccontextmanager
    async def _taken(self) -> AsyncGenerator[tuple[Any, Timer]]:
        """Take out the next one that is due, in a transaction that ends with the block."""
        async with AsyncExitStack() as ours:
            async with self._looking:
                while True:
                    await self._due()
                    connection = await ours.enter_async_context(self._pool.acquire())
                    await ours.enter_async_context(connection.transaction())
                    row = await connection.fetchrow(_TAKE, self._clock(), list(self._at))
                    if row is not None:
                        break
                    await ours.aclose()
                    await asyncio.sleep(_BREATH_S)  # another replica is at it
                timer = Timer(**row)
                self._at.add(timer.id)
            yield connection, timer

    async def _put_off(self, timer: Timer, error: Exception) -> None:
        if timer.attempts < _MAX_ATTEMPTS:
            _log.warning("timer put off", kind=timer.kind, error=repr(error))
            await self._pool.execute(
                "UPDATE timers SET attempts = attempts + 1, due_at_ms = $2 WHERE id = $1",
                timer.id,
                self._clock() + min(_AGAIN_MS * (timer.attempts + 1), _LONGEST_MS),
            )
        else:
            _log.error(
                "timer given up", kind=timer.kind, decision=timer.decision_id, exc_info=error
            )
            await self._pool.execute("UPDATE timers SET ended = true WHERE id = $1", timer.id)
