"""Tell PagerDuty what the team did elsewhere: seen acknowledges the incident, acting resolves it.

Follows outcome.v1. What is read twice is sent once (settlement.py). An alert that goes out after
its work was done is settled by the dispatcher.
"""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.consumer import Delivery
from services.intervention.channels import pagerduty
from services.intervention.escalation.telling import HAND_OVER
from services.intervention.sending.dispatcher import Dispatcher
from services.intervention.sending.settlement import ACKNOWLEDGE, RESOLVE, Settlement
from services.intervention.store import messages

_ACTIONS = {
    pb.OUTCOME_KIND_SEEN: ACKNOWLEDGE,
    pb.OUTCOME_KIND_ACTED: RESOLVE,
    pb.OUTCOME_KIND_DECLINED: RESOLVE,
}


class Settling:
    """Handles batches of outcome.v1."""

    def __init__(self, pool: Any, settlement: Settlement, dispatcher: Dispatcher) -> None:
        self._pool = pool
        self._settlement = settlement
        self._dispatcher = dispatcher

    async def handle(self, deliveries: list[Delivery[pb.Outcome]]) -> None:
        """Promise an event for each page about a recommendation that somebody took in hand."""
        heard = [
            (delivery.message.decision_id, _ACTIONS[delivery.message.kind])
            for delivery in deliveries
            # What was done in PagerDuty, PagerDuty knows.
            if delivery.message.kind in _ACTIONS
            and delivery.message.detail != HAND_OVER
            and delivery.message.channel != pagerduty.DESTINATION
            and delivery.message.decision_id
            and "\x00" not in delivery.message.decision_id
        ]
        if not heard:
            return
        pages = await messages.find_pages(self._pool, [decision for decision, _ in heard])
        for decision_id, action in heard:
            for page in pages:
                if page.decision_id == decision_id:
                    await self._settlement.promise(page, action)
        if pages:
            self._dispatcher.wake()
