"""SQL of dead letters: messages that failed, kept for a week so that they can be sent once more.

The text is forgotten earlier where nothing could be sent anyway (opted out, gone) and where the
provider had the message before it failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEPT_MS = 7 * 86_400_000

_LIST = """
SELECT id, tenant_id, session_id, decision_id, person_id, channel, destination, state, attempts,
    replays, detail, created_at_ms, changed_at_ms, expires_at_ms, sealed IS NOT NULL AS kept
FROM messages
WHERE tenant_id = $1 AND state = ANY($2::text[])
ORDER BY changed_at_ms DESC, id LIMIT $3
"""

# What may have been sent goes back as such: it is looked up where the provider can be asked, and
# sent again only where repeating is harmless.
_REPLAY = """
UPDATE messages SET
    state = CASE WHEN detail = 'unknown' AND NOT $5::boolean THEN 'unknown' ELSE 'pending' END,
    attempts = 0, budgeted = false, replays = replays + 1, next_attempt_at_ms = $3::bigint,
    expires_at_ms = $3::bigint + $4::bigint, changed_at_ms = $3::bigint, detail = ''
WHERE tenant_id = $1 AND id = $2 AND state = 'failed' AND sealed IS NOT NULL
RETURNING true
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as an operator sees it: where it went, never what it said."""

    id: str
    tenant_id: str
    session_id: str
    decision_id: str
    person_id: str
    channel: str
    destination: str
    state: str
    attempts: int
    replays: int
    detail: str
    created_at_ms: int
    changed_at_ms: int
    expires_at_ms: int
    kept: bool
    """Whether its text is still there, so that it can be replayed."""


UNDER_WAY = ("pending", "sending", "unknown")
DEAD = ("failed",)


async def listed(pool: Any, tenant_id: str, states: tuple[str, ...], limit: int) -> list[Kept]:
    """The tenant's messages in these states, newest change first."""
    return [Kept(**row) for row in await pool.fetch(_LIST, tenant_id, list(states), limit)]


async def replay(
    pool: Any, tenant_id: str, message_id: str, *, now_ms: int, for_ms: int, even_if_sent: bool
) -> bool:
    """Let a dead letter be sent once more, within `for_ms`. False: there is none to send.

    Args:
        even_if_sent: send also what may have reached the person already.
    """
    done = await pool.fetchval(_REPLAY, tenant_id, message_id, now_ms, for_ms, even_if_sent)
    return bool(done)


async def purge(pool: Any, now_ms: int) -> None:
    """Forget the texts of dead letters, and of pages, that are older than a week."""
    await pool.execute(
        "UPDATE messages SET sealed = NULL"
        " WHERE state IN ('failed', 'delivered') AND sealed IS NOT NULL AND changed_at_ms < $1",
        now_ms - KEPT_MS,
    )
