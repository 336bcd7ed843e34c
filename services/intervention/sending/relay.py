"""The outbox relay: what a transaction promised to the log is appended, at least once.

Rows stay until the log has answered. A crash between answer and delete appends again; every reader
drops the second by the id inside.

Decisions are the bulk of it, and this process holds what it has just committed: it appends that
from memory, and reads such rows only where another has left them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from services.common import logs, tracing
from services.common.log import Append, EventLog, LogUnavailable, Record
from services.common.partition import partition_of, record_key
from services.common.schema import schema_of
from services.intervention.database import FAILURES
from services.intervention.store import outbox, promises
from services.intervention.store.promises import Promise

_BATCH = 500
_LEFT = 200
"""Promises at once, each of which names the decisions of a commit: a handful mostly."""
_POLL_S = 1.0
_LINGER_S = 0.005
_GATHER_S = 0.05
_FORGET_S = 0.5
"""Much less than what is its maker's alone: else others would append it again."""
_FAILURES: tuple[type[Exception], ...] = (LogUnavailable, *FAILURES)
_log = logs.get(__name__)


class Relay:
    """Moves rows of the outbox to the log; several replicas may run one each."""

    def __init__(self, pool: Any, log: EventLog) -> None:
        self._pool = pool
        self._log = log
        self._wake = asyncio.Event()
        self._handed: list[Promise] = []
        self._kept: list[int] = []
        """Promises that the log has, and the table does not know yet."""
        self._forget_at_s = 0.0
        self._left_at_s = 0.0
        self._rows = True
        self._more = False
        self._soon = False
        self.appended = 0
        self.failures = 0

    def wake(self) -> None:
        """Tell that a commit left something in the outbox."""
        self._rows = True
        self._wake.set()

    def hand(self, promise: Promise) -> None:
        """Take over what a commit has promised.

        Each round costs as much as several decisions, whether it moves one or a hundred: it begins
        a moment later, for all that come meanwhile.
        """
        self._handed.append(promise)
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_later(_GATHER_S, self._wake.set)

    async def run(self) -> None:
        """Append until cancelled."""
        look_at_s = 0.0
        while True:
            try:
                await self.flush_handed()
                if self._rows or time.monotonic() >= look_at_s:
                    self._rows = False
                    look_at_s = time.monotonic() + _POLL_S
                    while await self.flush() and self._more:
                        pass
            except _FAILURES as error:
                self.failures += 1
                self._rows = True
                _log.warning("outbox waits", error=repr(error))
                await asyncio.sleep(_POLL_S)
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            # Nobody waits for the log's copy; a few milliseconds make many commits one.
            await asyncio.sleep(_LINGER_S)
            self._wake.clear()

    async def flush_handed(self) -> None:
        """Append what this process has committed just now.

        That it was appended is told to the table twice a second: to say so of many promises takes
        hardly longer than of one, and decisions wait for the same disk meanwhile.

        Raises:
            LogUnavailable: the rows stay, for whoever comes to them first.
        """
        self._soon = False
        handed, self._handed = self._handed, []
        if handed:
            began_ns = time.time_ns()
            rows = [row for promise in handed for row in promise.rows]
            try:
                await self._log.append(group_appends(rows))
            except asyncio.CancelledError:
                self._handed = [*handed, *self._handed]  # for the last round, when the process ends
                raise
            self._count(rows, began_ns)
            self._kept += [promise.seq for promise in handed]
        if self._kept and time.monotonic() >= self._forget_at_s:
            self._forget_at_s = time.monotonic() + _FORGET_S
            await self.forget_kept()

    async def forget_kept(self) -> None:
        """Strike what the log has from what it is owed."""
        kept = list(self._kept)
        if kept:
            await promises.kept(self._pool, kept)
            del self._kept[: len(kept)]

    async def flush(self) -> int:
        """Append one batch of what stands in the tables. Returns how many records went.

        What others have left is looked for once a second.

        Raises:
            LogUnavailable: the rows stay.
        """
        began_ns = time.time_ns()
        async with self._pool.acquire() as connection, connection.transaction():
            left = await self._take_left(connection)
            found = await outbox.take(connection, _BATCH)
            rows = [*left, *found]
            self._more = len({row.seq for row in left}) == _LEFT or len(found) == _BATCH
            if rows:
                await self._log.append(group_appends(rows))
        self._count(rows, began_ns)
        return len(rows)

    async def _take_left(self, connection: Any) -> list[outbox.Row]:
        if time.monotonic() < self._left_at_s:
            return []
        left = await promises.take_left(connection, _LEFT)
        if len({row.seq for row in left}) < _LEFT:
            self._left_at_s = time.monotonic() + _POLL_S
        return left

    def _count(self, rows: Iterable[outbox.Row], began_ns: int) -> None:
        for row in rows:
            self.appended += 1
            if row.traceparent:
                tracing.record_under(
                    "outbox.relay",
                    row.traceparent,
                    start_ns=began_ns,
                    kind="producer",
                    topic=row.topic,
                )


def group_appends(rows: Iterable[outbox.Row]) -> list[Append]:
    """One entry for each topic and partition, records in order."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for row in rows:
        key = (row.topic, partition_of(row.tenant_id, row.session_id))
        groups.setdefault(key, []).append(
            Record(record_key(row.tenant_id, row.session_id), row.value, _headers(row))
        )
    return [Append(topic, partition, records) for (topic, partition), records in groups.items()]


def _headers(row: outbox.Row) -> dict[str, str]:
    headers = {"schema": schema_of(row.topic)}
    if row.traceparent:
        headers[tracing.HEADER] = row.traceparent
    return headers
