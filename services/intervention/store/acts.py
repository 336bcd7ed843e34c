"""SQL of the intervene page: who looked, permissions to act, what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Act:
    """What the team did about a recommendation."""

    person_id: str
    act: str
    intervention_id: str | None
    acted_at_ms: int


async def add_visit(connection: Any, decision_id: str, person_id: str, now_ms: int) -> bool:
    """Note that a person looked. Returns whether it was the first time."""
    added = await connection.fetchval(
        "INSERT INTO visits (decision_id, person_id, seen_at_ms) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING true",
        decision_id,
        person_id,
        now_ms,
    )
    return bool(added)


async def add_nonce(
    connection: Any, nonce_hash: bytes, decision_id: str, person_id: str, expires_at_ms: int
) -> None:
    """Store a permission to act once."""
    await connection.execute(
        "INSERT INTO nonces (hash, decision_id, person_id, expires_at_ms) VALUES ($1, $2, $3, $4)",
        nonce_hash,
        decision_id,
        person_id,
        expires_at_ms,
    )


async def use_nonce(
    connection: Any, nonce_hash: bytes, decision_id: str, person_id: str, now_ms: int
) -> bool:
    """Spend a permission. Returns whether there was one."""
    used = await connection.fetchval(
        "UPDATE nonces SET used = true WHERE hash = $1 AND decision_id = $2 AND person_id = $3"
        " AND NOT used AND expires_at_ms > $4 RETURNING true",
        nonce_hash,
        decision_id,
        person_id,
        now_ms,
    )
    return bool(used)


async def read_act(connection: Any, decision_id: str) -> Act | None:
    """What was done, if anything."""
    row = await connection.fetchrow(
        "SELECT person_id, act, intervention_id, acted_at_ms FROM acts WHERE decision_id = $1",
        decision_id,
    )
    return None if row is None else Act(**row)


async def add_act(connection: Any, decision_id: str, act: Act) -> bool:
    """Record the act. Returns False if somebody was first."""
    added = await connection.fetchval(
        "INSERT INTO acts (decision_id, person_id, act, intervention_id, acted_at_ms)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (decision_id) DO NOTHING RETURNING true",
        decision_id,
        act.person_id,
        act.act,
        act.intervention_id,
        act.acted_at_ms,
    )
    return bool(added)
