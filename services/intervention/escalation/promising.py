"""SQL of messages that are promised after their decision was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.deciding.proposal import DraftMessage

_PROMISE = """
INSERT INTO messages (id, tenant_id, session_id, decision_id, person_id, channel, destination,
    endpoint_hash, sealed, next_attempt_at_ms, expires_at_ms, created_at_ms, changed_at_ms,
    traceparent, rules)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $10, $10, $12, $13)
ON CONFLICT DO NOTHING
"""


async def promise(
    connection: Any,
    decision: pb.Decision,
    drafts: Sequence[DraftMessage],
    *,
    traceparent: str,
    now_ms: int,
    rules: Sequence[str] = (),
) -> None:
    """Promise messages about a decision, in the caller's transaction; each id once.

    Args:
        rules: by which they are sent: a kill switch of any stops them.
    """
    for draft in drafts:
        await connection.execute(
            _PROMISE,
            draft.id,
            decision.tenant_id,
            decision.session_id,
            decision.id,
            draft.person_id,
            draft.channel,
            draft.destination,
            draft.endpoint_hash,
            draft.sealed,
            now_ms,
            draft.expires_at_ms,
            traceparent,
            list(rules),
        )
