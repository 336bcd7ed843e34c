"""SQL of what the page shows: pending until shown, closed or expired."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import OUTCOME
from services.intervention.policy.ledger import REMEMBERED, Charge, Ledger
from services.intervention.store.charges import taken_again
from services.intervention.store.decisions import GuardKey
from services.intervention.store.ledgers import Change, change

_MAX_PENDING = 20
_RANK = {"pending": 0, "shown": 1, "failed": 1, "dismissed": 2, "clicked": 3}


# Clocks differ: whoever asks when the moment has come must not be told that it has not.
_EARLY_MS = 1_000

_WITHDRAW = """
WITH change AS (
    SELECT * FROM unnest($1::text[], $2::bytea[]) AS one (id, value)
), withdrawn AS (
    UPDATE interventions SET state = 'withdrawn', changed_at_ms = $3
    FROM change WHERE interventions.id = change.id AND state = 'pending'
    RETURNING tenant_id, session_id, change.value
), logged AS (
    INSERT INTO outbox (topic, tenant_id, session_id, value)
    SELECT $4, tenant_id, session_id, value FROM withdrawn
)
SELECT count(*) FROM withdrawn
"""


class Pending(NamedTuple):
    """Help that waits to be shown, and the rules that a switch may stop it by."""

    intervention: pb.Intervention
    rules: tuple[str, ...]


async def list_pending(pool: Any, tenant_id: str, session_id: str, now_ms: int) -> list[Pending]:
    """Neither shown nor expired, oldest first."""
    rows = await pool.fetch(
        "SELECT record, rules FROM interventions WHERE tenant_id = $1 AND session_id = $2"
        " AND state = 'pending' AND expires_at_ms > $3 ORDER BY created_at_ms, id LIMIT $4",
        tenant_id,
        session_id,
        now_ms,
        _MAX_PENDING,
    )
    found = (Pending(pb.Intervention.FromString(row[0]), tuple(row[1])) for row in rows)
    return [one for one in found if one.intervention.show_at_ms <= now_ms + _EARLY_MS]


async def withdraw(pool: Any, outcomes: Sequence[pb.Outcome], now_ms: int) -> int:
    """Take back what was not shown yet, and promise the log that. Returns how many."""
    done: int = await pool.fetchval(
        _WITHDRAW,
        [one.intervention_id for one in outcomes],
        [one.SerializeToString() for one in outcomes],
        now_ms,
        OUTCOME,
    )
    return done


async def insert(
    connection: Any, intervention: pb.Intervention, now_ms: int, charge: Charge | None = None
) -> None:
    """Add one, pending; a repetition changes nothing.

    Args:
        charge: what it took out of a budget.
    """
    await connection.execute(
        "INSERT INTO interventions (id, tenant_id, session_id, decision_id, record, created_at_ms,"
        " expires_at_ms, changed_at_ms, budget, period, minor)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $8, $9, $10)"
        " ON CONFLICT (id) DO NOTHING",
        intervention.id,
        intervention.tenant_id,
        intervention.session_id,
        intervention.decision_id,
        intervention.SerializeToString(),
        now_ms,
        intervention.expires_at_ms,
        *(charge or ("", "", 0)),
    )


# Only the first report of a kind moves a row, so that a dismissal counts once.
_MARK = """
UPDATE interventions SET state = change.state, changed_at_ms = change.at_ms
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::integer[])
    AS change (id, tenant_id, state, at_ms, rank)
WHERE interventions.id = change.id AND interventions.tenant_id = change.tenant_id
    AND (CASE interventions.state WHEN 'pending' THEN 0 WHEN 'withdrawn' THEN 0
        WHEN 'mailed' THEN 0 WHEN 'shown' THEN 1 WHEN 'failed' THEN 1
        WHEN 'dismissed' THEN 2 ELSE 3 END) < change.rank
RETURNING interventions.id, interventions.tenant_id, interventions.subject, interventions.type,
    interventions.state, interventions.changed_at_ms
"""


async def mark(pool: Any, changes: Sequence[tuple[str, str, str, int]]) -> None:
    """Move interventions forward: (id, tenant, state, at ms). Never back, whatever the order.

    What was dismissed is remembered with its visitor, and an offer that was taken back and is shown
    all the same is paid for again, in the same transaction.
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
        felt = [row for row in rows if row["state"] != "failed"]
        ledgers = await taken_again(connection, [row["id"] for row in felt])
        dismissed: dict[GuardKey, list[tuple[int, str]]] = {}
        for row in felt:
            if row["state"] == "dismissed" and row["subject"]:
                key = (row["tenant_id"], row["subject"])
                dismissed.setdefault(key, []).append((row["changed_at_ms"], row["type"]))
        for key, moments in dismissed.items():
            noted: list[Change] = ledgers.setdefault(key, [])
            noted.append(partial(_note, moments))
        if ledgers:
            await change(connection, ledgers, max(row["changed_at_ms"] for row in felt))


def _note(moments: Sequence[tuple[int, str]], ledger: Ledger) -> bool:
    ledger.dismissals = sorted([*ledger.dismissals, *moments])[-REMEMBERED:]
    return True


async def read_one(pool: Any, intervention_id: str) -> pb.Intervention | None:
    """One intervention as it was made."""
    record = await pool.fetchval("SELECT record FROM interventions WHERE id = $1", intervention_id)
    return None if record is None else pb.Intervention.FromString(record)
