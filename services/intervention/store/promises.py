"""SQL of decisions that were promised to the log: one row for each commit, naming its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.common import tracing
from services.common.log import DECISION
from services.intervention.database import LAZILY
from services.intervention.store.outbox import Row

OWN_S = 3.0
"""So long a promise is its maker's alone; what is left then is anybody's."""

# Lost, the commit would make the log repeat a record; readers drop the second.
_KEPT = f"DELETE FROM promised WHERE {LAZILY} AND seq = ANY($1::bigint[])"

# What was forgotten since is not told any more.
_TAKE_LEFT = f"""
WITH taken AS (
    DELETE FROM promised WHERE {LAZILY} AND seq IN (
        SELECT seq FROM promised WHERE since < now() - make_interval(secs => $2)
        ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING seq, decision_ids
)
SELECT taken.seq, tenant_id, session_id, emotion_id, id, record
FROM taken CROSS JOIN unnest(decision_ids) WITH ORDINALITY AS one (id, place)
JOIN decisions USING (id) ORDER BY taken.seq, place
"""


class Promise(NamedTuple):
    """What a commit has to tell the log."""

    seq: int
    rows: Sequence[Row]


async def kept(pool: Any, seqs: Sequence[int]) -> None:
    """Forget promises whose records the log has."""
    await pool.execute(_KEPT, seqs)


async def take_left(connection: Any, limit: int, own_s: float = OWN_S) -> list[Row]:
    """Take out what its maker did not come to; a rollback puts it back.

    Args:
        limit: of promises, each of which may name many decisions.
    """
    found: list[Row] = []
    for seq, tenant_id, session_id, emotion_id, id_, record in await connection.fetch(
        _TAKE_LEFT, limit, own_s
    ):
        traceparent = traceparent_of(emotion_id, id_)
        found.append(Row(seq, DECISION, tenant_id, session_id, record, traceparent))
    return found


def traceparent_of(emotion_id: str, decision_id: str) -> str:
    """Of a decision's span; empty where nothing is traced."""
    if not tracing.enabled():
        return ""
    return tracing.header(tracing.of_decision(emotion_id, decision_id))
