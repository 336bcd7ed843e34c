"""Links, cuts and what follows from them, in PostgreSQL (0005_graph.sql)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from services.identity.graph.attribution import NOBODY, Joined, Link, user_person
from services.identity.graph.rules import VISITOR, GraphRules
from services.identity.graph.told import Identifier
from services.identity.model import Assurance

_FIELDS: Final = ("session_id", "kind", "value", "person", "assurance", "at_ms")
_LINK: Final = ", ".join(_FIELDS)
_ASKED: Final = "unnest($2::text[], $3::text[]) AS asked (kind, value)"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a session stands in the graph."""

    visitor_id: str = ""
    began_ms: int = 0
    joined: Joined = NOBODY


@dataclass(frozen=True, slots=True)
class Change:
    """Links of an identifier came or went."""

    identifier: Identifier
    user_id: str = ""
    """The user whose they are, if they only came and are all of one; empty: anything changed."""


def _columns(identifiers: Iterable[Identifier]) -> tuple[list[str], list[str]]:
    pairs = [(identifier.kind, identifier.value) for identifier in identifiers]
    return [kind for kind, _ in pairs], [value for _, value in pairs]


def _number(*names: str) -> int:
    """The number by which PostgreSQL knows an advisory lock."""
    digest = blake2b("\0".join(names).encode(), digest_size=8, person=b"siq-graph").digest()
    return int.from_bytes(digest, "big", signed=True)


async def lock_tenant(connection: Any, tenant_id: str, *, alone: bool) -> None:
    """Have others wait who would change more than one session, or (`alone`) any at all."""
    shared = "" if alone else "_shared"
    await connection.execute(f"SELECT pg_advisory_xact_lock{shared}($1)", _number(tenant_id))


async def lock_identifiers(
    connection: Any, tenant_id: str, identifiers: Iterable[Identifier]
) -> None:
    """Have others wait who would link the same; in one order, so that nobody waits in a circle."""
    numbers = sorted({_number(tenant_id, one.kind, one.value) for one in identifiers})
    for number in numbers:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", number)


async def standing(connection: Any, tenant_id: str, session_id: str) -> Standing:
    """Where a session stands."""
    row: Any = await connection.fetchrow(
        "SELECT visitor_id, began_ms, joined_user, joined_by FROM sessions"
        " WHERE tenant_id = $1 AND session_id = $2",
        tenant_id,
        session_id,
    )
    if row is None:
        return Standing()
    joined = Joined(row["joined_user"], row["joined_by"])
    return Standing(row["visitor_id"], row["began_ms"], joined)


async def links_of_sessions(
    connection: Any, tenant_id: str, sessions: Collection[str]
) -> dict[str, set[Link]]:
    """All links of some sessions."""
    rows: list[Any] = await connection.fetch(
        f"SELECT {_LINK} FROM links WHERE tenant_id = $1 AND session_id = ANY($2::text[])",
        tenant_id,
        list(sessions),
    )
    found: dict[str, set[Link]] = {session_id: set() for session_id in sessions}
    for row in rows:
        found[row["session_id"]].add(_link(row))
    return found


async def links_of(
    connection: Any, tenant_id: str, identifiers: Collection[Identifier]
) -> dict[Identifier, list[Link]]:
    """All links of some identifiers, whosever session has them."""
    rows: list[Any] = await connection.fetch(
        f"SELECT {_LINK} FROM links JOIN {_ASKED} USING (kind, value) WHERE tenant_id = $1",
        tenant_id,
        *_columns(identifiers),
    )
    found: dict[Identifier, list[Link]] = defaultdict(list)
    for row in rows:
        found[Identifier(row["kind"], row["value"])].append(_link(row))
    return found


async def cuts_of(
    connection: Any, tenant_id: str, identifiers: Collection[Identifier]
) -> dict[Identifier, set[str]]:
    """Of which users each identifier is not."""
    rows: list[Any] = await connection.fetch(
        f"SELECT kind, value, user_id FROM cuts JOIN {_ASKED} USING (kind, value)"
        " WHERE tenant_id = $1",
        tenant_id,
        *_columns(identifiers),
    )
    found: dict[Identifier, set[str]] = defaultdict(set)
    for row in rows:
        found[Identifier(row["kind"], row["value"])].add(row["user_id"])
    return found


async def counts(
    connection: Any, tenant_id: str, users: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """How many values of a kind each of some (user_id, kind) has."""
    rows: list[Any] = await connection.fetch(
        "SELECT asked.person, asked.kind, count(DISTINCT l.value) AS values"
        " FROM unnest($2::text[], $3::text[]) AS asked (person, kind) JOIN links l"
        " ON l.tenant_id = $1 AND l.person = asked.person AND l.kind = asked.kind GROUP BY 1, 2",
        tenant_id,
        [user_person(user_id) for user_id, _ in users],
        [kind for _, kind in users],
    )
    found = {(row["person"], row["kind"]): int(row["values"]) for row in rows}
    return {(user, kind): found.get((user_person(user), kind), 0) for user, kind in users}


async def values_of(connection: Any, tenant_id: str, user_id: str, kind: str) -> list[Identifier]:
    """All values of a kind that a user has."""
    rows: list[Any] = await connection.fetch(
        "SELECT DISTINCT value FROM links WHERE tenant_id = $1 AND person = $2 AND kind = $3",
        tenant_id,
        user_person(user_id),
        kind,
    )
    return [Identifier(kind, row["value"]) for row in rows]


async def replace_links(
    connection: Any, tenant_id: str, gone: Collection[Link], new: Collection[Link]
) -> None:
    """Write what changed."""
    if gone:
        await connection.execute(
            "DELETE FROM links l USING unnest($2::text[], $3::text[], $4::text[], $5::text[])"
            " AS gone (session_id, kind, value, person) WHERE l.tenant_id = $1"
            " AND l.session_id = gone.session_id AND l.kind = gone.kind AND l.value = gone.value"
            " AND l.person = gone.person",
            tenant_id,
            [link.session_id for link in gone],
            [link.kind for link in gone],
            [link.value for link in gone],
            [link.person for link in gone],
        )
    if new:
        await connection.executemany(
            f"INSERT INTO links (tenant_id, {_LINK}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                (
                    tenant_id,
                    one.session_id,
                    one.kind,
                    one.value,
                    one.person,
                    one.assurance,
                    one.at_ms,
                )
                for one in new
            ],
        )


async def seekers(
    connection: Any, tenant_id: str, identifiers: Collection[Identifier], besides: str
) -> list[str]:
    """Sessions but one that have the identifiers and name no user."""
    rows: list[Any] = await connection.fetch(
        f"SELECT DISTINCT session_id FROM links JOIN {_ASKED} USING (kind, value)"
        " WHERE tenant_id = $1 AND person = '' AND session_id <> $4",
        tenant_id,
        *_columns(identifiers),
        besides,
    )
    return [row["session_id"] for row in rows]


async def others_concerned(
    connection: Any,
    tenant_id: str,
    session_id: str,
    at_ms: int,
    changes: Collection[Change],
    rules: GraphRules,
) -> bool:
    """Tell whether changes may make another session somebody else's.

    More links of one user change nothing for whom is that user's already, nor for whom a browser
    has shown two people already.
    """
    kinds, values = _columns(change.identifier for change in changes)
    found: Any = await connection.fetchval(
        "SELECT 1 FROM unnest($2::text[], $3::text[], $4::text[]) AS c (kind, value, user_id)"
        " JOIN links l ON l.tenant_id = $1 AND l.kind = c.kind AND l.value = c.value"
        " AND l.person = '' AND l.session_id <> $5"
        " JOIN sessions s ON s.tenant_id = $1 AND s.session_id = l.session_id"
        " WHERE c.user_id = '' OR (s.joined_user <> c.user_id AND (c.kind <> $6"
        " OR (s.joined_by <> 'shared' AND abs(l.at_ms - $7) <= $8))) LIMIT 1",
        tenant_id,
        kinds,
        values,
        [change.user_id for change in changes],
        session_id,
        VISITOR,
        at_ms,
        rules.window_ms,
    )
    return found is not None


async def standings_of(
    connection: Any, tenant_id: str, sessions: Collection[str]
) -> dict[str, Standing]:
    """Where some sessions stand; locked, so that nobody changes them meanwhile."""
    rows: list[Any] = await connection.fetch(
        "SELECT session_id, visitor_id, began_ms, joined_user, joined_by FROM sessions"
        " WHERE tenant_id = $1 AND session_id = ANY($2::text[]) ORDER BY session_id FOR UPDATE",
        tenant_id,
        list(sessions),
    )
    return {
        row["session_id"]: Standing(
            row["visitor_id"], row["began_ms"], Joined(row["joined_user"], row["joined_by"])
        )
        for row in rows
    }


async def write_joined(connection: Any, tenant_id: str, joined: Mapping[str, Joined]) -> None:
    """Say of sessions that name no user whose they are taken for, and let their versions grow.

    The value's part of a version goes with the user that the session leaves, so it is added first.
    """
    sessions = list(joined)
    await connection.execute(
        "SELECT 1 FROM user_values v WHERE v.tenant_id = $1 AND v.user_id IN (SELECT joined_user"
        " FROM sessions WHERE tenant_id = $1 AND session_id = ANY($2::text[])) FOR SHARE",
        tenant_id,
        sessions,
    )
    await connection.execute(
        "UPDATE sessions s SET joined_user = new.user_id, joined_by = new.why,"
        " version = s.version + 1 + coalesce((SELECT v.version FROM user_values v"
        " WHERE v.tenant_id = $1 AND v.user_id = s.joined_user AND s.joined_user <> ''), 0)"
        " FROM unnest($2::text[], $3::text[], $4::text[]) AS new (session_id, user_id, why)"
        " WHERE s.tenant_id = $1 AND s.session_id = new.session_id",
        tenant_id,
        sessions,
        [one.user_id for one in joined.values()],
        [one.by for one in joined.values()],
    )


async def write_standing(
    connection: Any, tenant_id: str, session_id: str, stands: Standing
) -> None:
    """Write where a locked session stands."""
    await connection.execute(
        "UPDATE sessions SET visitor_id = $3, began_ms = $4, joined_user = $5, joined_by = $6"
        " WHERE tenant_id = $1 AND session_id = $2",
        tenant_id,
        session_id,
        stands.visitor_id,
        stands.began_ms,
        stands.joined.user_id,
        stands.joined.by,
    )


def _link(row: Any) -> Link:
    return Link(
        row["session_id"],
        row["kind"],
        row["value"],
        row["person"],
        Assurance(row["assurance"]),
        row["at_ms"],
    )
