"""SQL of the outbox: what still has to be appended to the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import OUTCOME
from services.intervention.database import LAZILY

# Lost, the commit would make the log repeat a record; readers drop the second.
_TAKE = f"""
DELETE FROM outbox WHERE {LAZILY} AND seq IN (
    SELECT seq FROM outbox ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING seq, topic, tenant_id, session_id, value, traceparent
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One record to append."""

    seq: int
    topic: str
    tenant_id: str
    session_id: str
    value: bytes
    traceparent: str


async def put_outcome(connection: Any, outcome: pb.Outcome, traceparent: str) -> None:
    """Promise an outcome to the log, in the caller's transaction."""
    await connection.execute(
        "INSERT INTO outbox (topic, tenant_id, session_id, value, traceparent)"
        " VALUES ($1, $2, $3, $4, $5)",
        OUTCOME,
        outcome.tenant_id,
        outcome.session_id,
        outcome.SerializeToString(),
        traceparent,
    )


async def take(connection: Any, limit: int) -> list[Row]:
    """Take out the oldest rows that no other replica holds; a rollback puts them back."""
    rows = await connection.fetch(_TAKE, limit)
    return sorted((Row(**row) for row in rows), key=lambda row: row.seq)
