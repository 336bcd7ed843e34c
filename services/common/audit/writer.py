"""Append to a tenant's chain, in the transaction of what is recorded.

The row of `audit_heads` is the lock: writers of all replicas queue there until the one before has
committed, so a chain has no gaps and no forks. Append last in a transaction, to hold it shortly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from services.common.audit.record import COLUMNS, GENESIS, Entry, Record, chained
from services.common.auth import calling

_PLACES = ", ".join(f"${place}" for place in range(1, len(Record._fields) + 1))
_INSERT = f"INSERT INTO audit_records ({COLUMNS}) VALUES ({_PLACES})"


class Actor(NamedTuple):
    """Who did it."""

    subject: str
    role: str


class Deed(NamedTuple):
    """What is about to become a record."""

    at_us: int
    actor: str
    role: str
    action: str
    subject: str
    purpose: str
    detail: str


class AuditWriter:
    """Writes audit_records of the schema that its connections see first."""

    def __init__(
        self,
        key: bytes,
        service: str,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._key = key
        self._service = service
        self._clock_us = clock_us
        self.written = 0
        self.heads: dict[str, tuple[int, bytes]] = {}
        """The newest record of each chain that was written to, until an anchor takes it."""

    def actor(self) -> Actor:
        """The caller of the RPC being served, else this service itself."""
        caller = calling()
        if caller is None:
            return Actor(self._service, "service")
        return Actor(caller.subject, caller.role)

    def deed(self, entry: Entry, actor: Actor | None = None) -> Deed:
        """What the present caller, or `actor`, does now."""
        by = actor or self.actor()
        return Deed(self._clock_us(), *by, entry.action, entry.subject, entry.purpose, entry.told)

    async def append(
        self, connection: Any, tenant_id: str, *entries: Entry, actor: Actor | None = None
    ) -> list[Record]:
        """Record what the present caller, or `actor`, does."""
        return await self.append_deeds(
            connection, tenant_id, [self.deed(entry, actor) for entry in entries]
        )

    async def append_deeds(
        self, connection: Any, tenant_id: str, deeds: Iterable[Deed]
    ) -> list[Record]:
        """Record what several did."""
        head: Any = await connection.fetchrow(
            "INSERT INTO audit_heads AS head (tenant_id, sequence, hash) VALUES ($1, 0, $2)"
            " ON CONFLICT (tenant_id) DO UPDATE SET sequence = head.sequence"
            " RETURNING sequence, hash",
            tenant_id,
            GENESIS,
        )
        records: list[Record] = []
        sequence, previous = int(head["sequence"]), bytes(head["hash"])
        for deed in deeds:
            sequence += 1
            content: tuple[Any, ...] = (tenant_id, sequence, *deed, previous)
            previous = chained(self._key, *content)
            records.append(Record._make((*content, previous)))
        await connection.executemany(_INSERT, records)
        await connection.execute(
            "UPDATE audit_heads SET sequence = $2, hash = $3 WHERE tenant_id = $1",
            tenant_id,
            sequence,
            previous,
        )
        self.written += len(records)
        self.heads[tenant_id] = (sequence, previous)
        return records

    async def defer(self, connection: Any, tenant_id: str, deed: Deed) -> None:
        """Record without waiting for the chain: `Pending` moves it there within seconds."""
        await connection.execute(
            "INSERT INTO audit_pending (tenant_id, at_us, actor, role, action, subject, purpose,"
            " detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            tenant_id,
            *deed,
        )
