"""SQL of the intervene page: who looked, permissions to act, what was done and taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Acts of a thread are written one after the other. A key's reference does not wait for this lock.
_LOCK = "SELECT id FROM decisions WHERE id = $1 FOR NO KEY UPDATE"

_READ = """
SELECT steps.id, thread_id, act, round, person_id, to_person_id, intervention_id, acted_at_ms,
    open_until_ms, fell_back, undone_at_ms IS NOT NULL AS undone,
    CASE WHEN shown.state = 'pending' AND shown.expires_at_ms <= $2 THEN 'expired'
        ELSE coalesce(shown.state, '') END AS state,
    coalesce(shown.changed_at_ms, 0) AS state_at_ms,
    coalesce((SELECT state FROM messages WHERE id = 'mail-' || steps.id), '') AS mail
FROM steps LEFT JOIN interventions shown ON shown.id = steps.intervention_id
"""


@dataclass(frozen=True, slots=True)
class Act:
    """What a person of the team did about a thread, and how far it has come."""

    id: str
    thread_id: str
    act: str
    round: int
    person_id: str
    acted_at_ms: int
    to_person_id: str = ""
    intervention_id: str | None = None
    open_until_ms: int = 0
    """Until when it may be taken back, and its effect waits; 0: it was felt at once."""
    fell_back: str = ""
    """What the page did not show in time: "email", or why not even that."""
    undone: bool = False
    state: str = ""
    """Of what the visitor is shown; "expired" where it was never shown in time."""
    state_at_ms: int = 0
    mail: str = ""
    """How far the e-mail has come, where there is one."""


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


async def acknowledged(connection: Any, decision_id: str, *, thread_id: str, since_ms: int) -> bool:
    """Whether anybody has looked at a recommendation, or acted in its thread since then."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM visits WHERE decision_id = $1)"
        " OR EXISTS (SELECT 1 FROM steps WHERE thread_id = $2 AND acted_at_ms >= $3"
        " AND undone_at_ms IS NULL)",
        decision_id,
        thread_id,
        since_ms,
    )
    return bool(found)


async def answered(connection: Any, act: Act, decision_id: str) -> bool:
    """Whether a hand-over needs nobody else: it was taken back, or looked at or acted on since."""
    if act.undone:
        return True
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM visits WHERE decision_id = $1 AND seen_at_ms > $3)"
        " OR EXISTS (SELECT 1 FROM steps WHERE thread_id = $2 AND acted_at_ms > $3"
        " AND undone_at_ms IS NULL)",
        decision_id,
        act.thread_id,
        act.acted_at_ms,
    )
    return bool(found)


async def is_handed_to(connection: Any, thread_id: str, person_id: str) -> bool:
    """Whether the last act that stands gave a thread to this person."""
    found = await connection.fetchval(
        "SELECT to_person_id = $2 FROM steps WHERE thread_id = $1 AND undone_at_ms IS NULL"
        " ORDER BY acted_at_ms DESC, id DESC LIMIT 1",
        thread_id,
        person_id,
    )
    return bool(found)


async def was_visited(connection: Any, decision_id: str, since_ms: int) -> bool:
    """Whether anybody has looked for the first time since then."""
    found = await connection.fetchval(
        "SELECT EXISTS (SELECT 1 FROM visits WHERE decision_id = $1 AND seen_at_ms >= $2)",
        decision_id,
        since_ms,
    )
    return bool(found)


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


async def lock(connection: Any, thread_id: str) -> None:
    """Let nobody else act on a thread until the transaction ends."""
    await connection.execute(_LOCK, thread_id)


async def read_acts(pool: Any, thread_id: str, now_ms: int) -> list[Act]:
    """What was done about a thread, in order; what was taken back too."""
    rows = await pool.fetch(
        f"{_READ} WHERE thread_id = $1 ORDER BY acted_at_ms, steps.id", thread_id, now_ms
    )
    return [Act(**row) for row in rows]


async def find_act(pool: Any, act_id: str, now_ms: int) -> Act | None:
    """One of them."""
    row = await pool.fetchrow(f"{_READ} WHERE steps.id = $1", act_id, now_ms)
    return None if row is None else Act(**row)


async def add_act(connection: Any, act: Act) -> bool:
    """Record an act. Returns False if the same one stands already."""
    added = await connection.fetchval(
        "INSERT INTO steps (id, thread_id, act, round, person_id, to_person_id, intervention_id,"
        " acted_at_ms, open_until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT DO NOTHING RETURNING true",
        act.id,
        act.thread_id,
        act.act,
        act.round,
        act.person_id,
        act.to_person_id,
        act.intervention_id,
        act.acted_at_ms,
        act.open_until_ms,
    )
    return bool(added)


async def undo(connection: Any, act_id: str, now_ms: int) -> bool:
    """Take an act back while it is open, and what the visitor would be shown with it.

    Returns False where it had its effect.
    """
    found = await connection.fetchrow(
        "UPDATE steps SET undone_at_ms = $2 WHERE id = $1 AND undone_at_ms IS NULL"
        " AND open_until_ms > $2 RETURNING intervention_id",
        act_id,
        now_ms,
    )
    if found is None:
        return False
    if found["intervention_id"] is None:
        return True
    return await move_pending(connection, found["intervention_id"], "withdrawn", now_ms)


async def move_pending(connection: Any, intervention_id: str, state: str, now_ms: int) -> bool:
    """Take what waits for the page away from it. Returns False if the page was faster."""
    moved = await connection.fetchval(
        "UPDATE interventions SET state = $2, changed_at_ms = $3 WHERE id = $1"
        " AND state = 'pending' RETURNING true",
        intervention_id,
        state,
        now_ms,
    )
    return bool(moved)


async def note_fallback(connection: Any, act_id: str, how: str) -> None:
    """Keep how an act went on that the page did not show in time."""
    await connection.execute("UPDATE steps SET fell_back = $2 WHERE id = $1", act_id, how)
