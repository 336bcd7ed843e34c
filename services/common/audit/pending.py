"""Moves what was deferred into the chains, whichever replica deferred it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from services.common.audit.writer import AuditWriter, Deed
from services.common.errors import Unavailable

_MOST = 1_000
_PAUSE_S = 1.0


class Pending:
    """The loop that chains."""

    def __init__(
        self, writer: AuditWriter, transaction: Callable[[], AbstractAsyncContextManager[Any]]
    ) -> None:
        self._writer = writer
        self._transaction = transaction

    async def run(self) -> None:
        """Chain until cancelled; while PostgreSQL is away everything stays where it is."""
        while True:
            try:
                while await self.chain() == _MOST:
                    pass
            except Unavailable:
                pass
            await asyncio.sleep(_PAUSE_S)

    async def chain(self) -> int:
        """Move some, in the order in which they were deferred; returns how many."""
        async with self._transaction() as connection:
            rows: list[Any] = await connection.fetch(
                "DELETE FROM audit_pending WHERE pending_id IN (SELECT pending_id"
                " FROM audit_pending ORDER BY pending_id LIMIT $1 FOR UPDATE SKIP LOCKED)"
                " RETURNING *",
                _MOST,
            )
            deeds: defaultdict[str, list[Deed]] = defaultdict(list)
            for row in sorted(rows, key=lambda row: row["pending_id"]):
                deeds[row["tenant_id"]].append(Deed(*(row[name] for name in Deed._fields)))
            # In one order for every replica, so that none waits for another in a circle.
            for tenant_id in sorted(deeds):
                await self._writer.append_deeds(connection, tenant_id, deeds[tenant_id])
        return len(rows)
