"""Tell PagerDuty what the team did elsewhere: seen acknowledges the incident, acting resolves it.

Follows outcome.v1. An event is a message like any other, with an id that follows from the page it
is about: reading an outcome twice sends nothing twice.
"""

from __future__ import annotations

import json
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.common.consumer import Delivery
from services.common.ids import stable_id
from services.intervention.channels import pagerduty
from services.intervention.clock import Clock
from services.intervention.dispatcher import Dispatcher
from services.intervention.letters import settle_event
from services.intervention.secrets import Sealer
from services.intervention.store import messages

LIFETIME_MS = 3_600_000
_log = logs.get(__name__)
_ACTIONS = {
    pb.OUTCOME_KIND_SEEN: "acknowledge",
    pb.OUTCOME_KIND_ACTED: "resolve",
    pb.OUTCOME_KIND_DECLINED: "resolve",
}


class Settling:
    """Handles batches of outcome.v1."""

    def __init__(self, pool: Any, sealer: Sealer, dispatcher: Dispatcher, clock: Clock) -> None:
        self._pool = pool
        self._sealer = sealer
        self._dispatcher = dispatcher
        self._clock = clock

    async def handle(self, deliveries: list[Delivery[pb.Outcome]]) -> None:
        """Promise an event for each page about a recommendation that somebody took in hand."""
        heard = [
            (delivery.message.decision_id, _ACTIONS[delivery.message.kind])
            for delivery in deliveries
            # What was done in PagerDuty, PagerDuty knows.
            if delivery.message.kind in _ACTIONS
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
                    await self._promise(page, action)
        if pages:
            self._dispatcher.wake()

    async def _promise(self, page: messages.Page, action: str) -> None:
        try:
            fields = self._sealer.unseal(page.sealed)
        except ValueError as error:
            # The mesh secret was changed meanwhile: the incident stays for a person to close.
            _log.warning("page cannot be settled", message=page.id, error=str(error))
            return
        if json.loads(fields["body"])["event_action"] != "trigger":
            return
        now_ms = self._clock()
        event = settle_event(page.tenant_id, page.decision_id, action)
        await messages.follow(
            self._pool,
            page,
            id_=stable_id("message", page.id, action),
            sealed=self._sealer.seal({**fields, "body": event}),
            now_ms=now_ms,
            expires_at_ms=now_ms + LIFETIME_MS,
        )
