"""Follow what pages report about interventions, so that none is shown twice."""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.consumer import Delivery, Poison
from services.intervention.store import interventions

_STATES = {
    pb.OUTCOME_KIND_SHOWN: "shown",
    pb.OUTCOME_KIND_CLICKED: "clicked",
    pb.OUTCOME_KIND_DISMISSED: "dismissed",
    pb.OUTCOME_KIND_FAILED: "failed",
}


class Shown:
    """Handles batches of outcome.v1."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def handle(self, deliveries: list[Delivery[pb.Outcome]]) -> None:
        """Move the interventions that pages spoke of.

        Raises:
            Poison: an id that PostgreSQL cannot hold; it would refuse the whole batch for ever.
        """
        changes: list[tuple[str, str, str, int]] = []
        for delivery in deliveries:
            outcome = delivery.message
            state = _STATES.get(outcome.kind)
            if state is not None and outcome.intervention_id:
                if "\x00" in outcome.intervention_id + outcome.tenant_id:
                    raise Poison("intervention_id or tenant_id contains a NUL character")
                changes.append(
                    (outcome.intervention_id, outcome.tenant_id, state, outcome.occurred_at_ms)
                )
        await interventions.mark(self._pool, changes)
