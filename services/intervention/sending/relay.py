"""The outbox relay: what a transaction promised to the log is appended, at least once.

Rows stay until the log has answered. A crash between answer and delete appends again; every reader
drops the second by the id inside.
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
from services.intervention.store import outbox

_BATCH = 500
_POLL_S = 1.0
_LINGER_S = 0.005
_FAILURES: tuple[type[Exception], ...] = (LogUnavailable, *FAILURES)
_log = logs.get(__name__)


class Relay:
    """Moves rows of the outbox to the log; several replicas may run one each."""

    def __init__(self, pool: Any, log: EventLog) -> None:
        self._pool = pool
        self._log = log
        self._wake = asyncio.Event()
        self.appended = 0
        self.failures = 0

    def wake(self) -> None:
        """Tell that a commit left something to append."""
        self._wake.set()

    async def run(self) -> None:
        """Append until cancelled."""
        while True:
            try:
                while await self.flush() == _BATCH:
                    pass
            except _FAILURES as error:
                self.failures += 1
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

    async def flush(self) -> int:
        """Append one batch. Returns how many records went.

        Raises:
            LogUnavailable: the rows stay.
        """
        began_ns = time.time_ns()
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await outbox.take(connection, _BATCH)
            if rows:
                await self._log.append(group_appends(rows))
        self.appended += len(rows)
        for row in rows if tracing.enabled() else ():
            tracing.record_under(
                "outbox.relay", row.traceparent, start_ns=began_ns, kind="producer", topic=row.topic
            )
        return len(rows)


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
