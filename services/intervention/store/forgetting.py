"""SQL that forgets a person: what names them, wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.intervention.store.retention import delete_decisions

# Records are opaque here: whoever holds the name's bytes is looked at more closely.
_CANDIDATES = """
SELECT id, session_id, record FROM decisions
WHERE tenant_id = $1 AND id > $4 AND (session_id = ANY($2)
    OR $3 <> '' AND position(convert_to($3, 'UTF8') IN record) > 0)
ORDER BY id LIMIT $5
"""

# Who was erased before and came back has rows under the hash already: the first ones stand.
_HASH = """
WITH known AS (
    DELETE FROM {table} old USING {table} hashed
    WHERE old.tenant_id = $1 AND old.unit_kind = $2 AND old.unit = $3
        AND hashed.tenant_id = $1 AND hashed.unit_kind = $2 AND hashed.unit = $4
        AND {same}
    RETURNING 1
)
SELECT count(*) FROM known
"""
_RENAME = """
UPDATE {table} SET unit = $4{also} WHERE tenant_id = $1 AND unit_kind = $2 AND unit = $3
"""
_TABLES = (
    ("experiment_exposures", "old.experiment = hashed.experiment", ", decision_id = ''"),
    ("experiment_observations", "old.name = hashed.name AND old.id = hashed.id", ""),
)


class Candidate(NamedTuple):
    """A decision that may be about somebody."""

    id: str
    session_id: str
    record: bytes


async def candidates(
    pool: Any, tenant_id: str, sessions: Sequence[str], user_id: str, after: str, limit: int
) -> list[Candidate]:
    """The next decisions of the sessions, or whose record holds the user's id."""
    rows = await pool.fetch(_CANDIDATES, tenant_id, sessions, user_id, after, limit)
    return [Candidate(*row) for row in rows]


async def forget_decisions(pool: Any, ids: Sequence[str]) -> None:
    """Delete decisions with all that hangs on them."""
    async with pool.acquire() as connection, connection.transaction():
        await delete_decisions(connection, ids)


async def forget_guards(pool: Any, tenant_id: str, subjects: Sequence[str]) -> int:
    """Delete what guards remember. Returns how many rows went."""
    done = await pool.execute(
        "DELETE FROM guards WHERE tenant_id = $1 AND subject = ANY($2)", tenant_id, subjects
    )
    return int(done.rpartition(" ")[2])


async def hash_unit(pool: Any, tenant_id: str, kind: str, unit: str, hashed: str) -> int:
    """Let a unit of experiments stand under a hash. Returns how many rows changed."""
    changed = 0
    async with pool.acquire() as connection, connection.transaction():
        for table, same, also in _TABLES:
            named = (tenant_id, kind, unit, hashed)
            changed += await connection.fetchval(_HASH.format(table=table, same=same), *named)
            done = await connection.execute(_RENAME.format(table=table, also=also), *named)
            changed += int(done.rpartition(" ")[2])
    return changed
