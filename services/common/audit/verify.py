"""Find the first record of each chain that is not as it was written."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from services.common.audit.anchors import Anchors
from services.common.audit.record import COLUMNS, GENESIS, BadRecord, chained

_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bad record of a chain, and why."""

    tenant_id: str
    sequence: int
    reason: str


@dataclass(slots=True)
class Verified:
    """What came out."""

    records: int = 0
    chains: int = 0
    anchors: int = 0
    """Heads that were remembered elsewhere, and stand in the chain."""
    faults: list[Fault] = field(default_factory=list[Fault])


class Chain:
    """Follows one chain from its beginning."""

    def __init__(self, key: bytes, tenant_id: str, anchors: Mapping[int, bytes]) -> None:
        self._key = key
        self._tenant_id = tenant_id
        self._anchors = anchors
        self._previous = GENESIS
        self.sequence = 0
        self.anchored = 0
        self.fault: Fault | None = None

    def take(self, rows: Iterable[Sequence[Any]]) -> None:
        """Follow records in the order of their sequence; stops at the first fault."""
        if self.fault is not None:
            return
        key, anchors, previous, sequence = self._key, self._anchors, self._previous, self.sequence
        for row in rows:
            sequence += 1
            if row[1] != sequence:
                self._blame(sequence, f"missing: after {sequence - 1} comes {row[1]}")
                return
            if row[9] != previous:
                self._blame(sequence, "does not follow the record before it")
                return
            try:
                expected = chained(key, *row[:10])
            except (BadRecord, ValueError) as error:
                self._blame(sequence, f"cannot have been written here: {error}")
                return
            if not hmac.compare_digest(expected, row[10]):
                self._blame(sequence, "its content is not what was hashed")
                return
            if sequence in anchors:
                if anchors[sequence] != expected:
                    self._blame(sequence, "another record was anchored under this number")
                    return
                self.anchored += 1
            previous = expected
        self._previous, self.sequence = previous, sequence

    def end(self, head: tuple[int, bytes] | None) -> None:
        """Compare with the head that the database keeps and with what was anchored."""
        if self.fault is not None:
            return
        last = max(self._anchors, default=0)
        if last > self.sequence:
            self._blame(
                self.sequence + 1, f"the tail is missing: record {last} was anchored elsewhere"
            )
        elif (head or (0, GENESIS)) != (self.sequence, self._previous):
            self._blame(self.sequence + 1, "the chain does not end where its head says")

    def _blame(self, sequence: int, reason: str) -> None:
        self.fault = Fault(self._tenant_id, sequence, reason)


async def verify(
    connection: Any,
    key: bytes,
    anchors: Anchors,
    tenant_id: str | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Follow a tenant's chain, or every chain. One transaction with a snapshot, please.

    `advance` is told how many records were followed.
    """
    done = Verified()
    for one in await _tenants(connection, anchors, tenant_id):
        chain = Chain(key, one, anchors.get(one, {}))
        async with aclosing(_pages(connection, one)) as pages:
            async for rows in pages:
                chain.take(rows)
                advance(len(rows))
                if chain.fault is not None:
                    break
        head: Any = await connection.fetchrow(
            "SELECT sequence, hash FROM audit_heads WHERE tenant_id = $1", one
        )
        chain.end(None if head is None else (head["sequence"], head["hash"]))
        done.chains += 1
        done.records += chain.sequence
        done.anchors += chain.anchored
        if chain.fault is not None:
            done.faults.append(chain.fault)
    return done


async def _tenants(connection: Any, anchors: Anchors, tenant_id: str | None) -> list[str]:
    if tenant_id is not None:
        return [tenant_id]
    # A chain that vanished altogether is still named by an anchor or its head.
    rows: list[Any] = await connection.fetch(
        "SELECT tenant_id FROM audit_heads UNION SELECT DISTINCT tenant_id FROM audit_records"
    )
    return sorted({row["tenant_id"] for row in rows} | anchors.keys())


async def _pages(connection: Any, tenant_id: str) -> AsyncGenerator[list[Any]]:
    """All records of a chain; what stands where nothing can stand comes too.

    PostgreSQL reads the next page while this one is followed.
    """

    def fetch(after: int) -> asyncio.Task[list[Any]]:
        return asyncio.create_task(
            connection.fetch(
                f"SELECT {COLUMNS} FROM audit_records WHERE tenant_id = $1 AND sequence > $2"
                " ORDER BY sequence LIMIT $3",
                tenant_id,
                after,
                _PAGE,
            )
        )

    coming = fetch(-(2**63))
    try:
        while True:
            rows = await coming
            more = len(rows) == _PAGE
            if more:
                coming = fetch(rows[-1]["sequence"])
                await asyncio.sleep(0)  # it is asked for before we go on
            if rows:
                yield rows
            if not more:
                return
    finally:
        await asyncio.wait([coming])  # a connection does one thing at a time
