"""Whether a visitor is still there, and how to reach the page, by what the edge writes."""

from __future__ import annotations

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
        try:
            pipeline: Any = self._state.pipeline(transaction=False)
            pipeline.hgetall(where_key(tenant_id, session_id))
            pipeline.get(left_key(tenant_id, session_id))
            found, left = await pipeline.execute()
        except (RedisError, OSError) as error:
            self.failures += 1
            _log.warning("state store away", error=str(error))
            return None
        workers: set[str] = set()
        visible_at_ms = 0
        for value in found.values():
            worker, _, visible = value.decode("utf-8", "replace").partition(" ")
            workers.add(worker)
            if visible.isascii() and visible.isdigit():
                visible_at_ms = max(visible_at_ms, int(visible))
        left_at_ms = int(left) if left and not found else 0
        return Presence(frozenset(workers), len(found), visible_at_ms, left_at_ms)

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
