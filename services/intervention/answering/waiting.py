"""Help that waits for its page: handed out only while no kill switch stops it.

A switch is looked at when help is decided on, and once more when it would be shown, which may be
much later: it was delayed, or the visitor was away. What is stopped then is withdrawn for good and
on record, even if the switch is lifted afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.clock import Clock
from services.intervention.outcomes import of_withdrawn
from services.intervention.store import interventions as store
from services.intervention.switches import Switches


class Waiting:
    """What sessions have not been shown yet."""

    def __init__(
        self, pool: Any, switches: Switches, clock: Clock, *, committed: Callable[[], None]
    ) -> None:
        """`committed()` is called after each commit that left an outcome in the outbox."""
        self._pool = pool
        self._switches = switches
        self._clock = clock
        self._committed = committed
        self.withdrawn = 0

    async def of(self, tenant_id: str, session_id: str) -> list[pb.Intervention]:
        """What may be shown now, oldest first."""
        now_ms = self._clock()
        pending = await store.list_pending(self._pool, tenant_id, session_id, now_ms)
        stopped: list[pb.Outcome] = []
        found: list[pb.Intervention] = []
        for intervention, rules in pending:
            switch = self._switches.stops(tenant_id, rules)
            if switch:
                stopped.append(of_withdrawn(intervention, switch, now_ms))
            else:
                found.append(intervention)
        if stopped:
            self.withdrawn += await store.withdraw(self._pool, stopped, now_ms)
            self._committed()
        return found

    async def allows(self, intervention: pb.Intervention) -> bool:
        """Whether help that was just decided on may be pushed."""
        tenant_id = intervention.tenant_id
        if not self._switches.of(tenant_id):
            return True
        left = await self.of(tenant_id, intervention.session_id)
        return any(one.id == intervention.id for one in left)
