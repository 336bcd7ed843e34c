"""SQL that deletes: decisions with all that hangs on them, memories, permissions, experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

# In this order: each names the ones below it.
_HANGING = ("acts", "visits", "nonces", "messages", "interventions")

_OLD_DECISIONS = """
SELECT id FROM decisions WHERE decided_at_ms < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
"""

# What a tenant's decisions share stays: a budget that is forgotten is spent twice.
_GUARDS = """
WITH looked_at AS (
    SELECT tenant_id, subject, touched_at_ms FROM guards
    WHERE (tenant_id, subject) > ($1, $2) ORDER BY tenant_id, subject LIMIT $4
), gone AS (
    DELETE FROM guards USING looked_at old
    WHERE guards.tenant_id = old.tenant_id AND guards.subject = old.subject
        AND guards.touched_at_ms < $3 AND guards.subject <> 'tenant'
    RETURNING 1
)
SELECT tenant_id, subject, (SELECT count(*) FROM gone) AS gone FROM looked_at
ORDER BY tenant_id DESC, subject DESC LIMIT 1
"""

_BY_TIME = """
DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE {column} < $1 LIMIT $2
    FOR UPDATE SKIP LOCKED)
"""
_TIMED = {
    "nonces": "expires_at_ms",
    "experiment_exposures": "exposed_at_ms",
    "experiment_observations": "observed_at_ms",
}


class Place(NamedTuple):
    """How far a walk over the guards has come."""

    tenant_id: str = ""
    subject: str = ""


async def delete_decisions(connection: Any, ids: Sequence[str]) -> None:
    """Delete decisions with what they brought about, in the caller's transaction."""
    for table in _HANGING:
        await connection.execute(f"DELETE FROM {table} WHERE decision_id = ANY($1)", ids)
    await connection.execute("DELETE FROM decisions WHERE id = ANY($1)", ids)


async def delete_old_decisions(pool: Any, before_ms: int, limit: int) -> int:
    """One batch. Returns how many decisions went."""
    async with pool.acquire() as connection, connection.transaction():
        ids = [row["id"] for row in await connection.fetch(_OLD_DECISIONS, before_ms, limit)]
        if ids:
            await delete_decisions(connection, ids)
    return len(ids)


async def delete_old_guards(
    pool: Any, after: Place, before_ms: int, limit: int
) -> tuple[int, Place | None]:
    """Look at the next rows and delete the old ones. Returns how many, and how far it came."""
    row = await pool.fetchrow(_GUARDS, *after, before_ms, limit)
    return (0, None) if row is None else (row["gone"], Place(row["tenant_id"], row["subject"]))


async def delete_by_time(pool: Any, table: str, before_ms: int, limit: int) -> int:
    """One batch of what is only known by its time. Returns how many rows went."""
    statement = _BY_TIME.format(table=table, column=_TIMED[table])
    return int((await pool.execute(statement, before_ms, limit)).rpartition(" ")[2])
