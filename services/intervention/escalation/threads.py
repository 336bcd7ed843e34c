"""SQL of threads: a recommendation with its message and page, and all that joined it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.deciding.proposal import LINK_LIFETIME_MS

LIFETIME_MS = 3_600_000
"""So long what a session feels stands on the page of the thread about it."""

_OPEN = """
INSERT INTO threads (id, tenant_id, session_id, opened_at_ms, instead_of)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""

# A thread, or the last one that took its place, whose page its person can still open. Its own row
# may be still to come: visits are followed each at its own pace.
_OPEN_TO = """
WITH candidates (id) AS (
    SELECT $1::text UNION ALL SELECT id FROM threads WHERE instead_of = $1 AND instead_of <> ''
)
SELECT id FROM candidates JOIN decisions USING (id)
WHERE decided_at_ms > $3
    AND NOT EXISTS (SELECT 1 FROM thread_people
        WHERE thread_id = id AND person_id = $2 AND revoked_at_ms IS NOT NULL)
ORDER BY decided_at_ms DESC, id LIMIT 1
"""

# What tells PagerDuty that the work is done is no message to anybody.
_REACH = """
SELECT count(*) FILTER (WHERE state = 'delivered') AS told,
    count(*) FILTER (WHERE state NOT IN ('delivered', 'failed')) AS under_way,
    count(*) FILTER (WHERE state = 'failed' AND detail = 'unknown') AS perhaps
FROM messages WHERE person_id = $2 AND stoppable AND decision_id IN (
    SELECT $1 UNION ALL
    SELECT decision_id FROM thread_decisions WHERE thread_id = $1 AND asks)
"""

_JOIN = """
INSERT INTO thread_decisions (thread_id, decision_id, asks, decided_at_ms)
SELECT id, $2, true, $3 FROM decisions WHERE id = $1 ON CONFLICT DO NOTHING
"""

# Another revision, or another emotion, of the visit that a thread is about.
_ATTACH = """
WITH attached AS (
    INSERT INTO thread_decisions (thread_id, decision_id, asks, decided_at_ms)
    SELECT threads.id, decisions.id, false, decisions.decided_at_ms
    FROM decisions JOIN threads USING (tenant_id, session_id)
    WHERE decisions.id = ANY($1::text[])
        AND opened_at_ms BETWEEN decisions.decided_at_ms - $2::bigint AND decisions.decided_at_ms
    ON CONFLICT DO NOTHING
    RETURNING thread_id, decision_id
)
SELECT thread_id, decision_id FROM attached JOIN decisions ON decisions.id = decision_id
JOIN decisions opened ON opened.id = thread_id
WHERE opened.emotion_id = decisions.emotion_id
ORDER BY decisions.rev
"""

_ADD_PERSON = """
INSERT INTO thread_people (thread_id, person_id, why, since_ms) VALUES ($1, $2, $3, $4)
ON CONFLICT (thread_id, person_id) DO UPDATE SET revoked_at_ms = NULL
"""

_REVOKE = """
INSERT INTO thread_people (thread_id, person_id, why, since_ms, revoked_at_ms)
VALUES ($1, $2, 'first', $3, $3)
ON CONFLICT (thread_id, person_id) DO UPDATE SET revoked_at_ms = $3
"""


@dataclass(frozen=True, slots=True)
class Joined:
    """A later decision of a thread."""

    decision: pb.Decision
    asks: bool
    """It is a recommendation; it was folded into the thread's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recommendation stands."""

    thread_id: str
    joined: bool = False
    """Another one's thread, just now."""
    anew: bool = False
    """One of its own, just now, in place of one that its person cannot open any more."""


class Reach(Enum):
    """How far the messages about a thread have come to a person."""

    TOLD = "told"
    UNDER_WAY = "under_way"
    PERHAPS = "perhaps"
    """One was handed in, and its provider never said whether it took it."""
    LOST = "lost"
    """None of them will arrive."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a page of a thread, besides or instead of whom it was for first."""

    person_id: str
    why: str
    since_ms: int
    revoked: bool


async def place(connection: Any, decision: pb.Decision) -> Place:
    """Give a recommendation its thread, once: a repetition tells where it stands.

    Where the page that it was to join leads its person nowhere any more, because it was closed,
    deleted or is too old, it opens one of its own, which later ones then join.
    """
    asked, at_ms = decision.recommendation, decision.decided_at_ms
    known = await connection.fetchval(
        "SELECT thread_id FROM thread_decisions WHERE decision_id = $1 AND asks"
        " UNION ALL SELECT id FROM threads WHERE id = $1",
        decision.id,
    )
    if known:
        return Place(known)
    joins: str | None = None
    if asked.thread_id:
        since_ms = at_ms - LINK_LIFETIME_MS
        joins = await connection.fetchval(_OPEN_TO, asked.thread_id, asked.person_id, since_ms)
    if joins:
        await connection.execute(_JOIN, joins, decision.id, at_ms)
        return Place(joins, joined=True)
    named = (decision.tenant_id, decision.session_id, at_ms, asked.thread_id)
    await connection.execute(_OPEN, decision.id, *named)
    return Place(decision.id, anew=bool(asked.thread_id))


async def find(pool: Any, decision_id: str) -> str:
    """The thread whose page a recommendation stands on, its own where it joined none."""
    found: str | None = await pool.fetchval(
        "SELECT thread_id FROM thread_decisions WHERE decision_id = $1 AND asks", decision_id
    )
    return found or decision_id


async def attach(connection: Any, decision_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Put other decisions on the page of the thread about their visit, where there is one.

    Returns threads whose first episode they revise, each with its decision, the newest last.
    """
    rows = await connection.fetch(_ATTACH, list(decision_ids), LIFETIME_MS)
    return [(row["thread_id"], row["decision_id"]) for row in rows]


async def keep_evidence(pool: Any, thread_id: str, found: bytes) -> None:
    """Keep when the events behind a thread were."""
    await pool.execute("UPDATE threads SET evidence = $2 WHERE id = $1", thread_id, found)


async def read_evidence(pool: Any, thread_id: str) -> bytes | None:
    """What was kept."""
    found: bytes | None = await pool.fetchval(
        "SELECT evidence FROM threads WHERE id = $1", thread_id
    )
    return found


async def read_reach(connection: Any, thread_id: str, person_id: str) -> Reach:
    """Whether a message about a thread has reached a person, as far as its provider knows."""
    row = await connection.fetchrow(_REACH, thread_id, person_id)
    if row["told"]:
        return Reach.TOLD
    if row["under_way"]:
        return Reach.UNDER_WAY
    return Reach.PERHAPS if row["perhaps"] else Reach.LOST


async def read_joined(pool: Any, thread_id: str) -> list[Joined]:
    """Later decisions of a thread, in order."""
    rows = await pool.fetch(
        "SELECT record, asks FROM thread_decisions JOIN decisions ON decisions.id = decision_id"
        " WHERE thread_id = $1 ORDER BY thread_decisions.decided_at_ms, decision_id",
        thread_id,
    )
    return [Joined(pb.Decision.FromString(row["record"]), row["asks"]) for row in rows]


async def read_asking(pool: Any, decision: pb.Decision) -> list[pb.Decision]:
    """A thread's recommendation, and those that joined it."""
    return [decision, *(one.decision for one in await read_joined(pool, decision.id) if one.asks)]


def sessions_of(asking: Sequence[pb.Decision]) -> list[str]:
    """The visits that a thread's recommendations are about, the newest first."""
    newest = sorted(asking, key=lambda one: one.decided_at_ms, reverse=True)
    return list(dict.fromkeys(one.session_id for one in newest))


async def count_rounds(connection: Any, thread_id: str) -> int:
    """How many recommendations have joined: each may be answered anew."""
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM thread_decisions WHERE thread_id = $1 AND asks", thread_id
        )
    )


async def read_members(pool: Any, thread_id: str) -> list[Member]:
    """Who else has a page, and whose is closed."""
    rows = await pool.fetch(
        "SELECT person_id, why, since_ms, revoked_at_ms IS NOT NULL AS revoked FROM thread_people"
        " WHERE thread_id = $1 ORDER BY since_ms, person_id",
        thread_id,
    )
    return [Member(**row) for row in rows]


async def add_member(
    connection: Any, thread_id: str, person_id: str, why: str, now_ms: int
) -> None:
    """Give a person a page of a thread."""
    await connection.execute(_ADD_PERSON, thread_id, person_id, why, now_ms)


async def revoke(pool: Any, thread_id: str, person_ids: Sequence[str], now_ms: int) -> None:
    """Close the pages of these people; their links lead to them no more."""
    for person_id in person_ids:
        await pool.execute(_REVOKE, thread_id, person_id, now_ms)
