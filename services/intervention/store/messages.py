"""SQL of the messages to people: claim, finish, and what providers report.

pending ──claim──▶ sending ──▶ sent ──callback──▶ delivered | failed
   ▲                 │  └────▶ delivered | failed ──replay──▶ pending
   └── not sent ─────┘
unknown: an attempt may have reached the person. A claim that outlives its lease is one too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.log import OUTCOME
from services.intervention.database import LAZILY
from services.intervention.outcomes import of_message

LEASE_MS = 60_000

# The claim is committed before anything is sent: whoever finds it after a crash knows that the
# message may be out. Most urgent lane first; what has expired need not wait for its destination.
_CLAIM = """
WITH due AS (
    SELECT id, state <> 'pending' AS uncertain FROM messages
    WHERE state IN ('pending', 'sending', 'unknown') AND next_attempt_at_ms <= $1
        AND NOT lane = ANY($6::smallint[]) AND channel = ANY($7::text[])
        AND (expires_at_ms <= $1 OR NOT (
            destination = ANY($2::text[]) OR endpoint_hash = ANY($5::text[])
            OR tenant_id || chr(10) || destination = ANY($8::text[])))
    ORDER BY lane, next_attempt_at_ms LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE messages SET state = 'sending', attempts = attempts + 1, next_attempt_at_ms = $1 + $4,
    changed_at_ms = $1
FROM due WHERE messages.id = due.id
RETURNING messages.id, tenant_id, session_id, decision_id, person_id, channel, destination,
    endpoint_hash, sealed, attempts, due.uncertain, created_at_ms, expires_at_ms, traceparent,
    lane, budgeted, rules, stoppable,
    (SELECT reason FROM endpoints_off off WHERE off.tenant_id = messages.tenant_id
        AND off.endpoint_hash = messages.endpoint_hash) AS off_reason
"""

_AGAIN = """
UPDATE messages SET state = $2, next_attempt_at_ms = $3, detail = $4, changed_at_ms = $5
WHERE id = $1 AND state = 'sending'
"""

# Its turn has not come, and nothing was tried: the attempt does not count.
_POSTPONE = """
UPDATE messages SET state = $2, next_attempt_at_ms = $3, attempts = attempts - 1, budgeted = true,
    changed_at_ms = $4
WHERE id = $1 AND state = 'sending'
"""

# A callback may have come first: then there is nothing to do. Lost, the claim's lease ends and the
# message is looked up.
_SENT = f"""
WITH changed AS (
    UPDATE messages SET state = 'sent', provider_id = $2, detail = '', changed_at_ms = $3,
        sealed = NULL
    WHERE id = $1 AND state = 'sending' AND {LAZILY}
    RETURNING tenant_id, session_id, traceparent
)
INSERT INTO outbox (topic, tenant_id, session_id, value, traceparent)
SELECT $4, tenant_id, session_id, $5, traceparent FROM changed RETURNING true
"""

# A dead letter keeps its text for a replay, a page its routing key for when it is settled.
_END = """
WITH changed AS (
    UPDATE messages SET state = $2, detail = $3, changed_at_ms = $4,
        sealed = CASE WHEN $7 = '' AND ($2 = 'failed' OR channel = 'pagerduty') THEN sealed END
    WHERE id = $1 AND state NOT IN ('delivered', 'failed')
    RETURNING tenant_id, session_id, traceparent
), off AS (
    INSERT INTO endpoints_off (tenant_id, endpoint_hash, reason, since_ms)
    SELECT tenant_id, $7, $3, $4 FROM changed WHERE $7 <> ''
    ON CONFLICT DO NOTHING
)
INSERT INTO outbox (topic, tenant_id, session_id, value, traceparent)
SELECT $5, tenant_id, session_id, $6, traceparent FROM changed RETURNING true
"""

# The first report stands for "sent" too, if nothing did before. A report of ours that failed before
# any of the provider's may be wrong; the provider's own end is final.
_REPORT = """
WITH before AS (
    SELECT id, state, state IN ('pending', 'sending', 'unknown') AS unsent FROM messages
    WHERE id = $1 AND tenant_id = $2 FOR UPDATE
), changed AS (
    UPDATE messages SET provider_rank = $3, provider_id = $4,
        state = CASE WHEN $5 <> '' THEN $5 WHEN before.state = 'delivered' THEN before.state
            ELSE 'sent' END,
        detail = $6, changed_at_ms = $7, sealed = NULL
    FROM before
    WHERE messages.id = before.id AND provider_rank < $3
        AND NOT (before.state = 'failed' AND provider_rank > 0)
    RETURNING tenant_id, session_id, traceparent, before.unsent
), off AS (
    INSERT INTO endpoints_off (tenant_id, endpoint_hash, reason, since_ms)
    SELECT tenant_id, $8, $6, $7 FROM changed WHERE $8 <> ''
    ON CONFLICT DO NOTHING
), logged AS (
    INSERT INTO outbox (topic, tenant_id, session_id, value, traceparent)
    SELECT $9, tenant_id, session_id, outcome.value, traceparent
    FROM changed, unnest($10::bytea[], $11::boolean[]) WITH ORDINALITY
        AS outcome (value, if_unsent, place)
    WHERE unsent OR NOT if_unsent
    ORDER BY place
)
SELECT true FROM changed
"""

_FIND = """
SELECT id, tenant_id, session_id, decision_id, person_id, channel, endpoint_hash, provider_id,
    traceparent
FROM messages
"""


_FOLLOW = """
INSERT INTO messages (id, tenant_id, session_id, decision_id, person_id, channel, destination,
    endpoint_hash, sealed, next_attempt_at_ms, expires_at_ms, created_at_ms, changed_at_ms,
    traceparent, stoppable)
SELECT $2, tenant_id, session_id, decision_id, person_id, channel, destination, endpoint_hash, $3,
    $4, $5, $4, $4, traceparent, false
FROM messages WHERE id = $1
ON CONFLICT DO NOTHING
"""


_ENDS = {
    pb.OUTCOME_KIND_DELIVERED: "delivered",
    pb.OUTCOME_KIND_FAILED: "failed",
    # A dead letter: once the switch is lifted, an operator may send it after all.
    pb.OUTCOME_KIND_WITHDRAWN: "failed",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Whose message a row is."""

    id: str
    tenant_id: str
    session_id: str
    decision_id: str
    person_id: str
    channel: str
    endpoint_hash: str
    provider_id: str | None
    traceparent: str


@dataclass(frozen=True, slots=True)
class Page:
    """An event that PagerDuty took."""

    id: str
    tenant_id: str
    decision_id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row taken for one attempt."""

    id: str
    tenant_id: str
    session_id: str
    decision_id: str
    person_id: str
    channel: str
    destination: str
    endpoint_hash: str
    sealed: bytes | None
    attempts: int
    uncertain: bool
    created_at_ms: int
    expires_at_ms: int
    off_reason: str | None
    traceparent: str
    lane: int
    budgeted: bool
    """Its place in the tenant's budget is taken."""
    rules: list[str]
    """The rule that it comes from, and the branches above."""
    stoppable: bool
    """Whether a kill switch stops it."""


async def claim(
    pool: Any,
    now_ms: int,
    *,
    busy: Collection[str],
    shut: Collection[str],
    held: Collection[str],
    full_lanes: Collection[int],
    channels: Collection[str],
    limit: int,
) -> list[Claimed]:
    """Take due messages, the most urgent first, for LEASE_MS.

    Args:
        busy: destinations that take no more now.
        shut: circuits that are open (breaker.py).
        held: hashes of addresses that asked for a pause.
        full_lanes: lanes that take no more now.
        channels: those that this process can send over; a newer release may know more.
    """
    rows = await pool.fetch(
        _CLAIM,
        now_ms,
        list(busy),
        limit,
        LEASE_MS,
        list(held),
        list(full_lanes),
        list(channels),
        list(shut),
    )
    return sorted((Claimed(**row) for row in rows), key=lambda row: row.lane)


async def postpone(pool: Any, row: Claimed, *, at_ms: int, now_ms: int) -> None:
    """Give a claimed message back until its turn."""
    state = "unknown" if row.uncertain else "pending"
    await pool.execute(_POSTPONE, row.id, state, at_ms, now_ms)


async def try_again(
    pool: Any, message_id: str, *, at_ms: int, detail: str, uncertain: bool, now_ms: int
) -> None:
    """Leave a message for a later attempt."""
    state = "unknown" if uncertain else "pending"
    await pool.execute(_AGAIN, message_id, state, at_ms, detail[:200], now_ms)


async def mark_sent(pool: Any, row: Claimed, provider_id: str, now_ms: int) -> bool:
    """The provider has it and will report. Its callback may have said so before."""
    outcome = _outcome(row, pb.OUTCOME_KIND_SENT, "", now_ms)
    done = await pool.fetchval(
        _SENT, row.id, provider_id, now_ms, OUTCOME, outcome.SerializeToString()
    )
    return bool(done)


async def finish(
    pool: Any,
    row: Claimed,
    *,
    kind: pb.OutcomeKind.ValueType,
    detail: str,
    now_ms: int,
    endpoint_off: bool = False,
) -> bool:
    """The message has come to its end: DELIVERED, FAILED or WITHDRAWN.

    Returns whether this call ended it.
    """
    done = await pool.fetchval(
        _END,
        row.id,
        _ENDS[kind],
        detail[:200],
        now_ms,
        OUTCOME,
        _outcome(row, kind, detail, now_ms).SerializeToString(),
        row.endpoint_hash if endpoint_off else "",
    )
    return bool(done)


async def find_pages(pool: Any, decision_ids: Collection[str]) -> list[Page]:
    """What was sent to PagerDuty about these decisions, and can still be settled."""
    rows = await pool.fetch(
        "SELECT id, tenant_id, decision_id, sealed FROM messages WHERE decision_id = ANY($1)"
        " AND channel = 'pagerduty' AND state = 'delivered' AND sealed IS NOT NULL",
        list(decision_ids),
    )
    return [Page(**row) for row in rows]


async def follow(
    pool: Any, page: Page, *, id_: str, sealed: bytes, now_ms: int, expires_at_ms: int
) -> None:
    """Promise another event to where a page went; once for each id."""
    await pool.execute(_FOLLOW, page.id, id_, sealed, now_ms, expires_at_ms)


async def turn_off(
    pool: Any, tenant_id: str, endpoint_hash: str, *, reason: str, now_ms: int
) -> None:
    """Send nothing more to an address."""
    await pool.execute(
        "INSERT INTO endpoints_off (tenant_id, endpoint_hash, reason, since_ms)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        tenant_id,
        endpoint_hash,
        reason,
        now_ms,
    )


async def any_off(pool: Any, tenant_id: str, endpoint_hashes: Sequence[str]) -> bool:
    """Whether nothing more is to be sent to one of these."""
    found: bool = await pool.fetchval(
        "SELECT EXISTS (SELECT FROM endpoints_off"
        " WHERE tenant_id = $1 AND endpoint_hash = ANY($2::text[]))",
        tenant_id,
        endpoint_hashes,
    )
    return found


async def find(pool: Any, *, message_id: str, provider_id: str) -> Address | None:
    """The message a callback is about: by our id, else by the provider's."""
    row = await pool.fetchrow(f"{_FIND} WHERE id = $1", message_id) if message_id else None
    if row is None:
        row = await pool.fetchrow(f"{_FIND} WHERE provider_id = $1", provider_id)
    return None if row is None else Address(**row)


async def report(
    pool: Any,
    row: Address,
    *,
    provider_id: str,
    rank: int,
    kind: pb.OutcomeKind.ValueType | None,
    detail: str,
    now_ms: int,
    endpoint_off: bool,
) -> bool:
    """Apply a provider's report if it ranks higher than the last. Returns whether it did.

    Args:
        kind: DELIVERED or FAILED for an end, None for a step before.
    """
    outcomes = [(_outcome(row, pb.OUTCOME_KIND_SENT, "", now_ms), True)]
    if kind is not None:
        outcomes.append((_outcome(row, kind, detail, now_ms), False))
    done = await pool.fetchval(
        _REPORT,
        row.id,
        row.tenant_id,
        rank,
        provider_id,
        "" if kind is None else _ENDS[kind],
        detail[:200],
        now_ms,
        row.endpoint_hash if endpoint_off else "",
        OUTCOME,
        [outcome.SerializeToString() for outcome, _ in outcomes],
        [if_unsent for _, if_unsent in outcomes],
    )
    return bool(done)


def _outcome(
    row: Claimed | Address, kind: pb.OutcomeKind.ValueType, detail: str, now_ms: int
) -> pb.Outcome:
    return of_message(
        message_id=row.id,
        tenant_id=row.tenant_id,
        session_id=row.session_id,
        decision_id=row.decision_id,
        person_id=row.person_id,
        channel=row.channel,
        kind=kind,
        detail=detail,
        at_ms=now_ms,
    )
