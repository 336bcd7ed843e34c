"""Deletes what is kept for a number of days only, in small batches, and says how much it was.

A session goes whole, with its statements and its own key, once nothing was stated in it for that
long. Only then nothing of it can be in the log any more.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from services.common import logs
from services.common.audit.record import Entry
from services.common.audit.writer import AuditWriter
from services.common.errors import Unavailable
from services.identity.change_feed import announce
from services.identity.database import Database
from services.identity.graph.history import CHANNEL as PROFILE_CHANNEL
from services.identity.privacy.subjects import DataSubject
from services.identity.privacy.vault import CHANNEL, Vault

_EVERY_S: Final = 3_600.0
_BATCH: Final = 500
_DAY_MS: Final = 86_400_000
_log = logs.get(__name__)
_Found = dict[str, Counter[str]]

_SESSIONS = (
    "SELECT tenant_id, session_id FROM sessions s WHERE greatest(established_at_ms, began_ms) < $1"
    " AND NOT EXISTS (SELECT 1 FROM identifies i WHERE i.tenant_id = s.tenant_id"
    " AND i.session_id = s.session_id AND i.applied_at >= to_timestamp($1::float8 / 1000))"
    " LIMIT $2 FOR UPDATE SKIP LOCKED"
)
_TRANSACTIONS = (
    "DELETE FROM transactions WHERE (tenant_id, transaction_id) IN (SELECT tenant_id,"
    " transaction_id FROM transactions WHERE occurred_at_ms < $1 LIMIT $2"
    " FOR UPDATE SKIP LOCKED) RETURNING tenant_id"
)


class Sweeper:
    """The loop that deletes; 0 days: everything is kept."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: AuditWriter,
        clock_ms: Callable[[], int],
        *,
        identities_days: int,
        transactions_days: int,
    ) -> None:
        self._database = database
        self._vault = vault
        self._audit = audit
        self._clock_ms = clock_ms
        self._days = ((self._sessions, identities_days), (self._payments, transactions_days))
        self.deleted: Counter[str] = Counter(sessions=0, statements=0, transactions=0)

    async def run(self) -> None:
        """Sweep each hour until cancelled."""
        while True:
            try:
                await self.sweep()
            except Unavailable:
                _log.warning("retention waits for postgresql")
            await asyncio.sleep(_EVERY_S)

    async def sweep(self) -> None:
        """Delete everything that has had its time.

        Raises:
            Unavailable: PostgreSQL is away; what was deleted until then is gone.
        """
        for some, days in self._days:
            while days and await self._batch(some, self._clock_ms() - days * _DAY_MS) == _BATCH:
                pass

    async def _batch(
        self, some: Callable[[Any, int], Awaitable[tuple[int, _Found]]], before_ms: int
    ) -> int:
        async with self._database.transaction() as connection:
            taken, found = await some(connection, before_ms)
            for tenant_id in sorted(found):
                entry = Entry("retention.delete", detail=dict(found[tenant_id]))
                await self._audit.append(connection, tenant_id, entry)
        for counts in found.values():
            self.deleted.update(counts)
        return taken

    async def _sessions(self, connection: Any, before_ms: int) -> tuple[int, _Found]:
        rows: list[Any] = await connection.fetch(_SESSIONS, before_ms, _BATCH)
        sessions: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            sessions[row["tenant_id"]].append(row["session_id"])
        found: _Found = {}
        for tenant_id, ids in sessions.items():
            index = await self._vault.index(connection, tenant_id)
            keys = [index.pseudonym(DataSubject("session", one)) for one in ids]
            arguments = (tenant_id, ids)
            where = "WHERE tenant_id = $1 AND session_id = ANY($2)"
            statements: Any = await connection.execute(
                f"DELETE FROM identifies {where}", *arguments
            )
            for table in ("sessions", "links", "attributions"):
                await connection.execute(f"DELETE FROM {table} {where}", *arguments)
            for table in ("subject_keys", "consents"):
                await connection.execute(
                    f"DELETE FROM {table} WHERE tenant_id = $1 AND subject = ANY($2)",
                    tenant_id,
                    keys,
                )
            await connection.execute(
                "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload",
                CHANNEL,
                [f"{tenant_id} {key.hex()}" for key in keys],
            )
            await announce(connection, PROFILE_CHANNEL, tenant_id, ids)
            found[tenant_id] = Counter(
                sessions=len(ids), statements=int(str(statements).rpartition(" ")[2])
            )
        return len(rows), found

    async def _payments(self, connection: Any, before_ms: int) -> tuple[int, _Found]:
        rows: list[Any] = await connection.fetch(_TRANSACTIONS, before_ms, _BATCH)
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            found[row["tenant_id"]]["transactions"] += 1
        return len(rows), dict(found)
