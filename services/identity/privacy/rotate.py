"""Rotation while everything goes on: keys are wrapped anew in batches, values stay as they are.

Readers are never in the way: they read a subject's key together with the tenant's key that wraps
it, in one snapshot. An old tenant key goes only once nothing is wrapped by it any more, and nobody
is about to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from services.identity.privacy.keks import Keks
from services.identity.privacy.vault import (
    add_tenant_key,
    tenant_context,
    unwrap_subject,
    wrap_subject,
)

_BATCH: Final = 1_000
_PAUSE_S: Final = 0.05


async def rewrap_tenant_keys(
    connection: Any, keks: Keks, advance: Callable[[int], None] = lambda _: None
) -> int:
    """Wrap every tenant's keys with the active key encryption key; returns how many."""
    active, count = await keks.active(), 0
    while True:
        async with connection.transaction():
            rows: list[Any] = await connection.fetch(
                "SELECT tenant_id, use, version, kek_id, wrapped FROM tenant_keys"
                " WHERE kek_id <> $1 LIMIT $2 FOR NO KEY UPDATE",
                active,
                _BATCH,
            )
            again: list[tuple[Any, ...]] = []
            for row in rows:
                place = (row["tenant_id"], row["use"], row["version"])
                context = tenant_context(*place)
                key = await keks.unwrap(row["kek_id"], row["wrapped"], context)
                again.append((*place, *await keks.wrap(key, context)))
            await connection.executemany(
                "UPDATE tenant_keys SET kek_id = $4, wrapped = $5"
                " WHERE tenant_id = $1 AND use = $2 AND version = $3",
                again,
            )
        count += len(rows)
        advance(len(rows))
        if not rows:
            return count


async def keks_in_use(connection: Any) -> set[str]:
    """The key encryption keys that wrap something, once nobody is writing any more."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE tenant_keys IN SHARE MODE")
        rows: list[Any] = await connection.fetch("SELECT DISTINCT kek_id FROM tenant_keys")
    return {row["kek_id"] for row in rows}


async def rotate_tenant_key(
    connection: Any, keks: Keks, tenant_id: str, advance: Callable[[int], None] = lambda _: None
) -> int:
    """Give a tenant a new data key and destroy the old ones; returns how many keys it wraps.

    One that broke off is ended by the next.
    """
    newest: Any = await connection.fetchval(
        "SELECT max(version) FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'", tenant_id
    )
    version, count = (newest or 0) + 1, 0
    await add_tenant_key(connection, keks, tenant_id, "data", version)
    data = await _data_keys(connection, keks, tenant_id)
    while True:
        async with connection.transaction():
            rows: list[Any] = await connection.fetch(
                "SELECT subject, tenant_key, wrapped FROM subject_keys WHERE tenant_id = $1"
                " AND tenant_key < $2 AND wrapped IS NOT NULL LIMIT $3"
                " FOR NO KEY UPDATE SKIP LOCKED",
                tenant_id,
                version,
                _BATCH,
            )
            again: list[tuple[bytes, bytes]] = []
            for row in rows:
                subject, old = row["subject"], data[row["tenant_key"]]
                key = unwrap_subject(old, row["wrapped"], tenant_id, subject)
                again.append((subject, wrap_subject(data[version], key, tenant_id, subject)))
            await connection.execute(
                "UPDATE subject_keys AS s SET tenant_key = $2, wrapped = n.wrapped"
                " FROM unnest($3::bytea[], $4::bytea[]) AS n (subject, wrapped)"
                " WHERE s.tenant_id = $1 AND s.subject = n.subject",
                tenant_id,
                version,
                [subject for subject, _ in again],
                [wrapped for _, wrapped in again],
            )
        count += len(rows)
        advance(len(rows))
        if not rows:
            if await _destroyed_old(connection, tenant_id, version):
                return count
            await asyncio.sleep(_PAUSE_S)  # what is left is in somebody's transaction


async def _data_keys(connection: Any, keks: Keks, tenant_id: str) -> dict[int, bytes]:
    rows: list[Any] = await connection.fetch(
        "SELECT version, kek_id, wrapped FROM tenant_keys WHERE tenant_id = $1 AND use = 'data'",
        tenant_id,
    )
    return {
        row["version"]: await keks.unwrap(
            row["kek_id"], row["wrapped"], tenant_context(tenant_id, "data", row["version"])
        )
        for row in rows
    }


async def _destroyed_old(connection: Any, tenant_id: str, version: int) -> bool:
    async with connection.transaction():
        # Whoever is making a subject's key holds the tenant's key that wraps it: wait for them.
        await connection.execute(
            "SELECT 1 FROM tenant_keys WHERE tenant_id = $1 AND use = 'data' AND version < $2"
            " FOR UPDATE",
            tenant_id,
            version,
        )
        used: Any = await connection.fetchval(
            "SELECT EXISTS (SELECT 1 FROM subject_keys WHERE tenant_id = $1 AND tenant_key < $2"
            " AND wrapped IS NOT NULL)",
            tenant_id,
            version,
        )
        if not used:
            await connection.execute(
                "DELETE FROM tenant_keys WHERE tenant_id = $1 AND use = 'data' AND version < $2",
                tenant_id,
                version,
            )
    return not used
