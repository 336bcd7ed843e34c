"""Stored decisions made again: the same record must come out, byte by byte.

What differs was decided by other code, or was changed where it is stored.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.deciding.record import NoReplay, replayed
from services.intervention.policy import Policy, PolicyError, digest_of, parse_policy

_PAGE = 1_000
_KEPT = 20


@dataclass(slots=True)
class Replayed:
    """What became of the decisions."""

    decisions: int = 0
    identical: int = 0
    not_replayable: Counter[str] = field(default_factory=Counter[str])
    """Records from before inputs were kept, or without their policy."""
    different: list[str] = field(default_factory=list[str])
    """Ids; the first 20."""
    differing: int = 0

    def as_dict(self) -> dict[str, object]:
        """For a report."""
        return {
            "decisions": self.decisions,
            "identical": self.identical,
            "different": self.differing,
            "first_different": self.different,
            "not_replayable": dict(self.not_replayable),
        }


class Replayer:
    """Makes decisions again, under the documents that were kept."""

    def __init__(self, bodies: dict[str, tuple[str, bytes]]) -> None:
        """`bodies`: version and document, by digest."""
        self._bodies = bodies
        self._policies: dict[tuple[str, str], Policy | None] = {}
        self.result = Replayed()

    def take(self, record: bytes) -> None:
        """Compare one."""
        decision = pb.Decision.FromString(record)
        result = self.result
        result.decisions += 1
        policy = self._policy(decision.policy_version, decision.policy_digest)
        if policy is None:
            result.not_replayable["no_policy"] += 1
            return
        try:
            again = replayed(decision, policy)
        except NoReplay:
            result.not_replayable["no_inputs"] += 1
            return
        if again.SerializeToString() == record:
            result.identical += 1
            return
        result.differing += 1
        if len(result.different) < _KEPT:
            result.different.append(decision.id)

    def _policy(self, version: str, digest: str) -> Policy | None:
        key = (version, digest)
        if key not in self._policies:
            self._policies[key] = self._parse(version, digest)
        return self._policies[key]

    def _parse(self, version: str, digest: str) -> Policy | None:
        found = self._bodies.get(digest)
        if found is None or digest_of(found[1]) != digest:
            return None
        try:
            return parse_policy(version, found[1])
        except PolicyError:
            return None


async def replay(pool: Any, *, tenant_id: str = "", limit: int = 0) -> Replayed:
    """Replay what is stored, the newest first.

    Args:
        tenant_id: empty: all tenants.
        limit: at most so many; 0: all.
    """
    rows = await pool.fetch("SELECT digest, version, body FROM policies")
    replayer = Replayer({row["digest"]: (row["version"], row["body"]) for row in rows})
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        cursor = connection.cursor(
            "SELECT record FROM decisions WHERE ($1 = '' OR tenant_id = $1)"
            " ORDER BY decided_at_ms DESC, id LIMIT nullif($2::bigint, 0)",
            tenant_id,
            limit,
            prefetch=_PAGE,
        )
        async for row in cursor:
            replayer.take(row["record"])
    return replayer.result
