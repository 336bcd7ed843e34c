"""Whose sessions were taken for, change by change, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.identity.change_feed import announce

CHANNEL = "identity_profile"
"""Where changes are announced, by session."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """From when on a session was taken for somebody's."""

    session_id: str
    user_id: str
    why: str
    at_ms: int


async def record(connection: Any, tenant_id: str, changed: Mapping[str, tuple[str, str]]) -> None:
    """Add to the history (session: user and why), and tell of it on commit."""
    if not changed:
        return
    sessions = list(changed)
    await connection.execute(
        "INSERT INTO attributions (tenant_id, session_id, user_id, why)"
        " SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[])",
        tenant_id,
        sessions,
        [user_id for user_id, _ in changed.values()],
        [why for _, why in changed.values()],
    )
    await announce(connection, CHANNEL, tenant_id, sessions)


async def of_session(connection: Any, tenant_id: str, session_id: str) -> list[Attribution]:
    """All of a session, the oldest first."""
    rows: list[Any] = await connection.fetch(
        "SELECT session_id, user_id, why, (extract(epoch FROM changed_at) * 1000)::bigint AS at_ms"
        " FROM attributions WHERE tenant_id = $1 AND session_id = $2 ORDER BY change_id",
        tenant_id,
        session_id,
    )
    return [Attribution(*row) for row in rows]
