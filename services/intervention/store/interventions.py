"""SQL of what the page shows: pending until shown, closed or expired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

_MAX_PENDING = 20
_RANK = {"pending": 0, "shown": 1, "failed": 1, "dismissed": 2, "clicked": 3}


async def list_pending(
    pool: Any, tenant_id: str, session_id: str, now_ms: int
) -> list[pb.Intervention]:
    """Neither shown nor expired, oldest first."""
    rows = await pool.fetch(
        "SELECT record FROM interventions WHERE tenant_id = $1 AND session_id = $2"
        " AND state = 'pending' AND expires_at_ms > $3 ORDER BY created_at_ms, id LIMIT $4",
        tenant_id,
        session_id,
        now_ms,
        _MAX_PENDING,
    )
    return [pb.Intervention.FromString(row["record"]) for row in rows]


async def insert(connection: Any, intervention: pb.Intervention, now_ms: int) -> None:
    """Add one, pending; a repetition changes nothing."""
    await connection.execute(
        "INSERT INTO interventions (id, tenant_id, session_id, decision_id, record, created_at_ms,"
        " expires_at_ms, changed_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $6)"
        " ON CONFLICT (id) DO NOTHING",
        intervention.id,
        intervention.tenant_id,
        intervention.session_id,
        intervention.decision_id,
        intervention.SerializeToString(),
        now_ms,
        intervention.expires_at_ms,
    )


async def mark(pool: Any, changes: Sequence[tuple[str, str, str, int]]) -> None:
    """Move interventions forward: (id, tenant, state, at ms). Never back, whatever the order."""
    if not changes:
        return
    await pool.executemany(
        "UPDATE interventions SET state = $3, changed_at_ms = $4 WHERE id = $1 AND tenant_id = $2"
        " AND state = ANY($5::text[])",
        [
            (
                id_,
                tenant_id,
                state,
                at_ms,
                [one for one, rank in _RANK.items() if rank < _RANK[state]],
            )
            for id_, tenant_id, state, at_ms in changes
        ],
    )


async def state_of(pool: Any, intervention_id: str, now_ms: int) -> str | None:
    """The state as a person should read it; "expired" where it was never shown in time."""
    row = await pool.fetchrow(
        "SELECT state, expires_at_ms FROM interventions WHERE id = $1", intervention_id
    )
    if row is None:
        return None
    if row["state"] == "pending" and row["expires_at_ms"] <= now_ms:
        return "expired"
    return str(row["state"])
