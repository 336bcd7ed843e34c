"""One letter a person and week, over all restarts and replicas: a row in PostgreSQL says so.

To write a letter may take longer than a claim lasts. So whoever is about to send asks once more
whether the claim is theirs still: the number of the attempt says so, which every claim raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from services.accountability.weekly.week import Week

CLAIM_MS: Final = 10 * 60_000
"""Far longer than it takes to hand a mail in; what a killed process leaves is free after it."""
_CLAIM: Final = """
INSERT INTO weekly_letters (tenant_id, person_id, week, attempts, claimed_until_ms)
VALUES ($1, $2, $3, 1, $5)
ON CONFLICT (tenant_id, person_id, week) DO UPDATE
SET attempts = weekly_letters.attempts + 1, claimed_until_ms = $5
WHERE weekly_letters.outcome IS NULL AND weekly_letters.claimed_until_ms <= $4
RETURNING attempts
"""
_LETTER: Final = "tenant_id = $1 AND person_id = $2 AND week = $3 AND outcome IS NULL"
_END: Final = (
    f"UPDATE weekly_letters SET outcome = $4, detail = $5, ended_at_ms = $6 WHERE {_LETTER}"
)
_RENEW: Final = f"""
UPDATE weekly_letters SET claimed_until_ms = $5 WHERE {_LETTER} AND attempts = $4 RETURNING true
"""
_LATER: Final = f"""
UPDATE weekly_letters SET claimed_until_ms = $5, detail = $6 WHERE {_LETTER} AND attempts = $4
"""


class Outcome(StrEnum):
    """How it ended."""

    SENT = "sent"
    UNSUBSCRIBED = "unsubscribed"
    EMPTY = "empty"
    """There was nothing to tell."""
    REFUSED = "refused"
    """The mail server wants it neither now nor later."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one."""

    tenant_id: str
    person_id: str
    week: Week
    attempts: int


class Claims:
    """Over a pool that sees accountability's tables."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def take(self, tenant_id: str, person_id: str, week: Week, now_ms: int) -> Claim | None:
        """Claim a letter; None: it has ended, or somebody is at it."""
        attempts = await self._pool.fetchval(
            _CLAIM, tenant_id, person_id, week.name, now_ms, now_ms + CLAIM_MS
        )
        return None if attempts is None else Claim(tenant_id, person_id, week, attempts)

    async def renew(self, claim: Claim, now_ms: int) -> bool:
        """Claim it anew; False: it ran out, and somebody else is at it or done with it."""
        letter = claim.tenant_id, claim.person_id, claim.week.name
        return bool(await self._pool.fetchval(_RENEW, *letter, claim.attempts, now_ms + CLAIM_MS))

    async def end(self, claim: Claim, outcome: Outcome, now_ms: int, detail: str = "") -> None:
        """It is done, for good, whoever was first."""
        await self._pool.execute(
            _END, claim.tenant_id, claim.person_id, claim.week.name, outcome, detail, now_ms
        )

    async def later(self, claim: Claim, at_ms: int, detail: str) -> None:
        """Try again then, unless somebody else is at it."""
        letter = claim.tenant_id, claim.person_id, claim.week.name
        await self._pool.execute(_LATER, *letter, claim.attempts, at_ms, detail)
