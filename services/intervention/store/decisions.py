"""SQL of the group writer: lock the sessions, read what is known, write what was settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import tracing
from services.common.log import DECISION
from services.intervention.proposal import Proposal
from services.intervention.settle import SessionLimits

SessionKey = tuple[str, str]

# The upsert takes every row's lock, in one order for all writers, so that they cannot deadlock.
_LOCK = """
INSERT INTO sessions (tenant_id, session_id, touched_at_ms)
SELECT tenant_id, session_id, $3 FROM unnest($1::text[], $2::text[]) AS key (tenant_id, session_id)
ORDER BY tenant_id, session_id
ON CONFLICT (tenant_id, session_id) DO UPDATE SET touched_at_ms = EXCLUDED.touched_at_ms
RETURNING tenant_id, session_id, page_free_at_ms, team_free_at_ms
"""

_KNOWN = """
SELECT id, tenant_id, emotion_id, intervened, record FROM decisions
WHERE emotion_id = ANY($1::text[])
"""

# Everything hangs on the decision's row: without it, nothing of its kind is written.
_WRITE = """
WITH written AS (
    INSERT INTO decisions
        (id, tenant_id, session_id, emotion_id, rev, intervened, record, decided_at_ms)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
        $6::boolean[], $7::bytea[], $8::bigint[])
    ON CONFLICT (id) DO NOTHING
    RETURNING id, tenant_id, session_id, record, decided_at_ms
), logged AS (
    INSERT INTO outbox (topic, tenant_id, session_id, value, traceparent)
    SELECT $9, tenant_id, session_id, record, traced.traceparent
    FROM unnest($1::text[], $26::text[]) AS traced (id, traceparent)
    JOIN written ON written.id = traced.id
), shown AS (
    INSERT INTO interventions (id, tenant_id, session_id, decision_id, record, created_at_ms,
        expires_at_ms, changed_at_ms)
    SELECT draft.id, tenant_id, session_id, written.id, draft.record, decided_at_ms,
        draft.expires_at_ms, decided_at_ms
    FROM unnest($10::text[], $11::text[], $12::bytea[], $13::bigint[])
        AS draft (id, decision_id, record, expires_at_ms)
    JOIN written ON written.id = draft.decision_id
), sent AS (
    INSERT INTO messages (id, tenant_id, session_id, decision_id, person_id, channel, destination,
        endpoint_hash, sealed, next_attempt_at_ms, expires_at_ms, created_at_ms, changed_at_ms,
        traceparent)
    SELECT draft.id, tenant_id, session_id, written.id, draft.person_id, draft.channel,
        draft.destination, draft.endpoint_hash, draft.sealed, decided_at_ms, draft.expires_at_ms,
        decided_at_ms, decided_at_ms, draft.traceparent
    FROM unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
        $20::bytea[], $21::bigint[], $27::text[]) AS draft (id, decision_id, person_id, channel,
        destination, endpoint_hash, sealed, expires_at_ms, traceparent)
    JOIN written ON written.id = draft.decision_id
), limited AS (
    UPDATE sessions SET page_free_at_ms = draft.page_free_at_ms,
        team_free_at_ms = draft.team_free_at_ms
    FROM unnest($22::text[], $23::text[], $24::bigint[], $25::bigint[])
        AS draft (tenant_id, session_id, page_free_at_ms, team_free_at_ms)
    WHERE sessions.tenant_id = draft.tenant_id AND sessions.session_id = draft.session_id
)
SELECT id FROM written
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A decision that stands."""

    id: str
    tenant_id: str
    emotion_id: str
    intervened: bool
    record: bytes


async def lock_sessions(
    connection: Any, keys: Iterable[SessionKey], now_ms: int
) -> dict[SessionKey, SessionLimits]:
    """Lock the sessions until the transaction ends; return their limits."""
    ordered = sorted(set(keys))
    rows = await connection.fetch(
        _LOCK, [key[0] for key in ordered], [key[1] for key in ordered], now_ms
    )
    return {
        (row["tenant_id"], row["session_id"]): SessionLimits(
            row["page_free_at_ms"], row["team_free_at_ms"]
        )
        for row in rows
    }


async def read_known(connection: Any, emotion_ids: Iterable[str]) -> list[Known]:
    """All decisions on the given episodes."""
    rows = await connection.fetch(_KNOWN, sorted(set(emotion_ids)))
    return [Known(**row) for row in rows]


async def write(
    connection: Any,
    proposals: Sequence[Proposal],
    limits: dict[SessionKey, SessionLimits],
) -> set[str]:
    """Write settled proposals with all that hangs on them. Returns the ids that were new."""
    decisions = [proposal.decision for proposal in proposals]
    shown = [one.intervention for one in decisions if one.HasField("intervention")]
    sent = [
        (proposal.decision.id, message) for proposal in proposals for message in proposal.messages
    ]
    traced = {
        one.id: tracing.header(tracing.of_decision(one.emotion.id, one.id)) for one in decisions
    }
    rows = await connection.fetch(
        _WRITE,
        [one.id for one in decisions],
        [one.tenant_id for one in decisions],
        [one.session_id for one in decisions],
        [one.emotion.id for one in decisions],
        [one.emotion.rev for one in decisions],
        [one.action == pb.DECISION_ACTION_INTERVENE for one in decisions],
        [one.SerializeToString() for one in decisions],
        [one.decided_at_ms for one in decisions],
        DECISION,
        [one.id for one in shown],
        [one.decision_id for one in shown],
        [one.SerializeToString() for one in shown],
        [one.expires_at_ms for one in shown],
        [message.id for _, message in sent],
        [decision_id for decision_id, _ in sent],
        [message.person_id for _, message in sent],
        [message.channel for _, message in sent],
        [message.destination for _, message in sent],
        [message.endpoint_hash for _, message in sent],
        [message.sealed for _, message in sent],
        [message.expires_at_ms for _, message in sent],
        [key[0] for key in limits],
        [key[1] for key in limits],
        [one.page_free_at_ms for one in limits.values()],
        [one.team_free_at_ms for one in limits.values()],
        [traced[one.id] for one in decisions],
        [traced[decision_id] for decision_id, _ in sent],
    )
    return {row["id"] for row in rows}


async def read_decided(pool: Any, emotion_ids: Iterable[str]) -> set[tuple[str, int]]:
    """(emotion id, rev) of everything decided, under whichever policy."""
    rows = await pool.fetch(
        "SELECT emotion_id, rev FROM decisions WHERE emotion_id = ANY($1::text[])",
        sorted(set(emotion_ids)),
    )
    return {(row["emotion_id"], row["rev"]) for row in rows}


async def read_decision(pool: Any, decision_id: str) -> pb.Decision | None:
    """A decision as it was recorded."""
    record = await pool.fetchval("SELECT record FROM decisions WHERE id = $1", decision_id)
    return None if record is None else pb.Decision.FromString(record)
