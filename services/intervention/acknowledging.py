"""What a person of the team says about a recommendation from outside the intervene page.

A button in Slack, an incident taken in PagerDuty: seen, or done. The same outcomes as the page's
own, with the same ids, so nobody counts twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import tracing
from services.intervention import outcomes
from services.intervention.clock import Clock
from services.intervention.store import acts as store
from services.intervention.store.outbox import put_outcome

DONE = "done"


class Acknowledging:
    """Turns acknowledgements into outcomes."""

    def __init__(self, pool: Any, clock: Clock, *, committed: Callable[[], None]) -> None:
        """`committed()` is called after each commit that left an outcome in the outbox."""
        self._pool = pool
        self._clock = clock
        self._committed = committed

    async def acknowledge(self, decision: pb.Decision, channel: str) -> bool:
        """Somebody has it in hand. Returns whether this is the first word of it."""
        async with self._pool.acquire() as connection, connection.transaction():
            first = await self._see(connection, decision, channel)
        if first:
            self._committed()
        return first

    async def done(self, decision: pb.Decision, channel: str) -> bool:
        """It has been dealt with, by whatever means. Returns whether nobody was first."""
        person_id, now_ms = decision.recommendation.person_id, self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            seen = await self._see(connection, decision, channel)
            act = store.Act(person_id, DONE, None, now_ms)
            first = await store.add_act(connection, decision.id, act)
            if first:
                await self._put(connection, decision, pb.OUTCOME_KIND_ACTED, channel, DONE)
        if seen or first:
            self._committed()
        return first

    async def _see(self, connection: Any, decision: pb.Decision, channel: str) -> bool:
        person_id = decision.recommendation.person_id
        first = await store.add_visit(connection, decision.id, person_id, self._clock())
        if first:
            await self._put(connection, decision, pb.OUTCOME_KIND_SEEN, channel, "acknowledged")
        return first

    async def _put(
        self,
        connection: Any,
        decision: pb.Decision,
        kind: pb.OutcomeKind.ValueType,
        channel: str,
        detail: str,
    ) -> None:
        outcome = outcomes.of_person(
            decision,
            person_id=decision.recommendation.person_id,
            kind=kind,
            at_ms=self._clock(),
            detail=detail,
            channel=channel,
        )
        here = tracing.of_decision(decision.emotion.id, decision.id).fresh()
        await put_outcome(connection, outcome, tracing.header(here))
