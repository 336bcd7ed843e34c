"""SQL of the outbox: what still has to be appended to the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import OUTCOME


@dataclass(frozen=True, slots=True)
class Row:
    """One record to append."""

    seq: int
    topic: str
    tenant_id: str
    session_id: str
    value: bytes


async def put_outcome(connection: Any, outcome: pb.Outcome) -> None:
    """Promise an outcome to the log, in the caller's transaction."""
    await connection.execute(
        "INSERT INTO outbox (topic, tenant_id, session_id, value) VALUES ($1, $2, $3, $4)",
        OUTCOME,
        outcome.tenant_id,
        outcome.session_id,
        outcome.SerializeToString(),
    )


async def take(connection: Any, limit: int) -> list[Row]:
    """Lock the oldest rows that no other replica holds, in order."""
    rows = await connection.fetch(
        "SELECT seq, topic, tenant_id, session_id, value FROM outbox"
        " ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit,
    )
    return [Row(**row) for row in rows]


async def remove(connection: Any, rows: Sequence[Row]) -> None:
    """Forget what the log has."""
    await connection.execute(
        "DELETE FROM outbox WHERE seq = ANY($1::bigint[])", [row.seq for row in rows]
    )
