"""SQL of addresses that are off: their provider, or who reads there, wants nothing more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

# The table names no channel: a message that went there does, for as long as it is kept.
_LIST = """
SELECT endpoint_hash, reason, since_ms, coalesce((SELECT channel FROM messages
    WHERE messages.tenant_id = off.tenant_id AND messages.endpoint_hash = off.endpoint_hash
    LIMIT 1), '') AS channel
FROM endpoints_off off WHERE tenant_id = $1 ORDER BY since_ms DESC, endpoint_hash LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Off:
    """An address as an operator sees it: which one it is, is never shown."""

    endpoint_hash: str
    channel: str
    """Empty: no message to it is left that would say."""
    reason: str
    since_ms: int


async def off_among(
    connection: Any, tenant_id: str, endpoint_hashes: Collection[str]
) -> frozenset[str]:
    """Which of these are off."""
    rows = await connection.fetch(
        "SELECT endpoint_hash FROM endpoints_off"
        " WHERE tenant_id = $1 AND endpoint_hash = ANY($2::text[])",
        tenant_id,
        list(endpoint_hashes),
    )
    return frozenset(row["endpoint_hash"] for row in rows)


async def listed(pool: Any, tenant_id: str, limit: int) -> list[Off]:
    """The tenant's addresses that are off, the newest first."""
    return [Off(**row) for row in await pool.fetch(_LIST, tenant_id, limit)]


async def turn_on(pool: Any, tenant_id: str, endpoint_hash: str) -> bool:
    """Send to an address again. False: it was not off."""
    done = await pool.fetchval(
        "DELETE FROM endpoints_off WHERE tenant_id = $1 AND endpoint_hash = $2 RETURNING true",
        tenant_id,
        endpoint_hash,
    )
    return bool(done)
