"""SQL of what the page shows: pending until shown, closed or expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.policy.ledger import REMEMBERED, Ledger
from services.intervention.store.decisions import GuardKey, lock_guards, read

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
    found = (pb.Intervention.FromString(row["record"]) for row in rows)
    return [one for one in found if one.show_at_ms <= now_ms]


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


# Only the first report of a kind moves a row, so that a dismissal counts once.
_MARK = """
UPDATE interventions SET state = change.state, changed_at_ms = change.at_ms
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[])
    AS change (id, tenant_id, state, at_ms, rank)
WHERE interventions.id = change.id AND interventions.tenant_id = change.tenant_id
    AND (CASE interventions.state WHEN 'pending' THEN 0 WHEN 'shown' THEN 1 WHEN 'failed' THEN 1
        WHEN 'dismissed' THEN 2 ELSE 3 END) < change.rank
RETURNING interventions.tenant_id, interventions.subject, interventions.type,
    interventions.state, interventions.changed_at_ms
"""


async def mark(pool: Any, changes: Sequence[tuple[str, str, str, int]]) -> None:
    """Move interventions forward: (id, tenant, state, at ms). Never back, whatever the order.

    What was dismissed is remembered with its visitor, in the same transaction.
    """
    furthest: dict[tuple[str, str], tuple[str, int]] = {}
    for id_, tenant_id, state, at_ms in changes:
        before = furthest.get((id_, tenant_id))
        if before is None or _RANK[before[0]] < _RANK[state]:
            furthest[(id_, tenant_id)] = (state, at_ms)
    if not furthest:
        return
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            _MARK,
            [id_ for id_, _ in furthest],
            [tenant_id for _, tenant_id in furthest],
            [state for state, _ in furthest.values()],
            [at_ms for _, at_ms in furthest.values()],
            [_RANK[state] for state, _ in furthest.values()],
        )
        dismissed: dict[GuardKey, list[tuple[int, str]]] = {}
        for row in rows:
            if row["state"] == "dismissed" and row["subject"]:
                key = (row["tenant_id"], row["subject"])
                dismissed.setdefault(key, []).append((row["changed_at_ms"], row["type"]))
        if dismissed:
            await _remember(connection, dismissed)


async def _remember(
    connection: Any, dismissed: Mapping[GuardKey, Sequence[tuple[int, str]]]
) -> None:
    now_ms = max(at_ms for moments in dismissed.values() for at_ms, _ in moments)
    await lock_guards(connection, dismissed, now_ms)
    states, _ = await read(connection, dismissed, ())
    for key, moments in dismissed.items():
        ledger = msgspec.json.decode(states[key].encoded, type=Ledger)
        ledger.dismissals = sorted([*ledger.dismissals, *moments])[-REMEMBERED:]
        await connection.execute(
            "UPDATE guards SET state = $3, version = version + 1"
            " WHERE tenant_id = $1 AND subject = $2",
            *key,
            msgspec.json.encode(ledger),
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
