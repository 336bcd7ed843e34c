"""Whether a visitor is still there, and how to reach the page, by what the edge writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.common.state import edge_channel, left_key, where_key

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Presence:
    """Live page instances of a session."""

    workers: frozenset[str]
    streams: int
    visible_at_ms: int
    """When one of them was last known to be in view; 0: unknown."""
    left_at_ms: int = 0
    """When the last page closed, where none is there; 0: unknown."""


class Pages:
    """Finds and reaches the pages of live sessions."""

    def __init__(self, state: redis.Redis) -> None:
        self._state = state
        self.failures = 0

    async def find(self, tenant_id: str, session_id: str) -> Presence | None:
        """Where the session is; None if the state store does not answer."""
        found = await self._find_all(tenant_id, [session_id])
        return found[0] if found else None

    async def locate(
        self, tenant_id: str, session_ids: Sequence[str]
    ) -> tuple[str, Presence | None]:
        """Of a person's visits, the newest first, the one where they are: in view, else open.

        Where they are in none, and where the state store does not answer, it is the newest.
        """
        found = await self._find_all(tenant_id, session_ids)
        if not found:
            return session_ids[0], None
        # Of equals the first is taken.
        places = list(zip(session_ids, found, strict=True))
        return max(places, key=lambda one: (one[1].visible_at_ms > 0, one[1].streams > 0))

    async def _find_all(self, tenant_id: str, session_ids: Sequence[str]) -> list[Presence] | None:
        try:
            pipeline: Any = self._state.pipeline(transaction=False)
            for session_id in session_ids:
                pipeline.hgetall(where_key(tenant_id, session_id))
                pipeline.get(left_key(tenant_id, session_id))
            answers = iter(await pipeline.execute())
        except (RedisError, OSError) as error:
            self.failures += 1
            _log.warning("state store away", error=str(error))
            return None
        return [_presence(found, left) for found, left in zip(answers, answers, strict=True)]

    async def push(self, intervention: pb.Intervention) -> int:
        """Publish to every edge worker that holds the session. Returns how many listened.

        Publishing may lose; the intervention stays pending until it is shown or expires.
        """
        presence = await self.find(intervention.tenant_id, intervention.session_id)
        if presence is None:
            return 0
        value = intervention.SerializeToString()
        try:
            # Its stubs leave keyword arguments of publish unknown.
            pipeline: Any = self._state.pipeline(transaction=False)
            for worker in sorted(presence.workers):
                pipeline.publish(edge_channel(worker), value)
            listening = await pipeline.execute()
        except (RedisError, OSError) as error:
            self.failures += 1
            _log.warning("intervention not published", id=intervention.id, error=str(error))
            return 0
        return sum(int(count) for count in listening)


def _presence(found: Mapping[bytes, bytes], left: bytes | None) -> Presence:
    workers: set[str] = set()
    visible_at_ms = 0
    for value in found.values():
        worker, _, visible = value.decode("utf-8", "replace").partition(" ")
        workers.add(worker)
        if visible.isascii() and visible.isdigit():
            visible_at_ms = max(visible_at_ms, int(visible))
    left_at_ms = int(left) if left and not found else 0
    return Presence(frozenset(workers), len(found), visible_at_ms, left_at_ms)
