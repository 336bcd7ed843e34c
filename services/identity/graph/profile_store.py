"""Users: what is known of them, and the sessions that are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.identity.graph import link_store
from services.identity.graph.attach import Attach
from services.identity.graph.attribution import Joined, user_person
from services.identity.graph.joins import Joins
from services.identity.graph.rules import GraphRules
from services.identity.graph.told import Identifier
from services.identity.model import Assurance

_MOST_IDENTIFIERS = 1_000
_INFERRED = int(Assurance.INFERRED)


@dataclass(frozen=True, slots=True)
class Known:
    """An identifier of a user."""

    kind: str
    value: str
    assurance: Assurance
    sessions: int
    first_ms: int
    shared: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """A session of a user."""

    session_id: str
    assurance: Assurance
    joined_by: str
    began_ms: int


@dataclass(frozen=True, slots=True)
class Cut:
    """An identifier is not a user's; `restore`: it may be after all."""

    user_id: str
    identifier: Identifier
    reason: str
    by: str
    restore: bool


async def identifiers_of(connection: Any, tenant_id: str, user_id: str) -> list[Known]:
    """By what a user is known; those seen most first."""
    rows: list[Any] = await connection.fetch(
        "SELECT l.kind, l.value, max(l.assurance) AS assurance, count(*) AS sessions,"
        " min(l.at_ms) AS first_ms,"
        " EXISTS (SELECT 1 FROM links o WHERE o.tenant_id = $1 AND o.kind = l.kind"
        " AND o.value = l.value AND o.person NOT IN ('', $2)) AS shared,"
        " EXISTS (SELECT 1 FROM cuts c WHERE c.tenant_id = $1 AND c.kind = l.kind"
        " AND c.value = l.value AND c.user_id = $3) AS cut"
        " FROM links l WHERE l.tenant_id = $1 AND l.person = $2 GROUP BY l.kind, l.value"
        " ORDER BY sessions DESC, l.kind, l.value LIMIT $4",
        tenant_id,
        user_person(user_id),
        user_id,
        _MOST_IDENTIFIERS,
    )
    return [Known(row[0], row[1], Assurance(row[2]), *row[3:]) for row in rows]


async def visits_of(
    connection: Any, tenant_id: str, user_id: str, before: tuple[int, str], most: int
) -> list[Visit]:
    """Sessions that are a user's or taken for theirs, from a moment and id backwards."""
    rows: list[Any] = await connection.fetch(
        "SELECT * FROM (SELECT session_id, assurance, '' AS joined_by, began_ms FROM sessions"
        " WHERE tenant_id = $1 AND user_id = $2 UNION ALL"
        f" SELECT session_id, {_INFERRED}, joined_by, began_ms FROM sessions"
        " WHERE tenant_id = $1 AND joined_user = $2 AND user_id = '') AS theirs"
        " WHERE (began_ms, session_id) < ($3, $4)"
        " ORDER BY began_ms DESC, session_id DESC LIMIT $5",
        tenant_id,
        user_id,
        *before,
        most,
    )
    return [Visit(row[0], Assurance(row[1]), row[2], row[3]) for row in rows]


async def write_cut(connection: Any, tenant_id: str, cut: Cut) -> bool:
    """Write a cut, or take it back; False if nothing was to do."""
    place = (tenant_id, cut.identifier.kind, cut.identifier.value, cut.user_id)
    if cut.restore:
        done: Any = await connection.fetchval(
            "DELETE FROM cuts WHERE tenant_id = $1 AND kind = $2 AND value = $3 AND user_id = $4"
            " RETURNING 1",
            *place,
        )
    else:
        done = await connection.fetchval(
            "INSERT INTO cuts (tenant_id, kind, value, user_id, reason, cut_by)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING 1",
            *place,
            cut.reason,
            cut.by,
        )
    return done is not None


async def split(
    connection: Any, tenant_id: str, cut: Cut, rules: GraphRules, attach: Attach
) -> tuple[bool, Mapping[str, Joined]]:
    """Take an identifier and a user apart and judge anew, in a transaction.

    Returns whether anything was to do, and the sessions that are somebody else's now.
    """
    await link_store.lock_tenant(connection, tenant_id, alone=True)
    if not await write_cut(connection, tenant_id, cut):
        return False, {}
    joins = Joins(connection, tenant_id, rules, alone=True)
    changed = await joins.again([cut.identifier])
    await attach.note(connection, tenant_id, changed)
    return True, changed
