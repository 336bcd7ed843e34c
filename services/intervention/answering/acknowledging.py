"""What a person of the team says about a recommendation from outside the intervene page.

A button in Slack, an incident taken in PagerDuty: seen, or done. The same outcomes as the page's
own, with the same ids, so nobody counts twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.ids import stable_id
from services.intervention import outcomes
from services.intervention.clock import Clock
from services.intervention.escalation import threads
from services.intervention.escalation.telling import CLOSING, DONE, span_of, tell_act
from services.intervention.escalation.timers import ESCALATE, stop_timers
from services.intervention.store import acts as store
from services.intervention.store.outbox import put_outcome


class Acknowledging:
    """Turns acknowledgements into outcomes."""

    def __init__(self, pool: Any, clock: Clock, *, committed: Callable[[], None]) -> None:
        """`committed()` is called after each commit that left an outcome in the outbox."""
        self._pool = pool
        self._clock = clock
        self._committed = committed

    async def acknowledge(
        self, decision: pb.Decision, channel: str, person_id: str | None = None
    ) -> bool:
        """Somebody has it in hand. Returns whether this is the first word of it.

        Args:
            person_id: who; None: whom it was for first, as far as the channel can tell.
        """
        person_id = person_id or decision.recommendation.person_id
        async with self._pool.acquire() as connection, connection.transaction():
            first, _ = await self._see_all(connection, decision, channel, person_id)
        if first:
            self._committed()
        return first

    async def done(self, decision: pb.Decision, channel: str, person_id: str | None = None) -> bool:
        """It has been dealt with, by whatever means. Returns whether nobody was first."""
        person_id, now_ms = person_id or decision.recommendation.person_id, self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            seen, asking = await self._see_all(connection, decision, channel, person_id)
            await store.lock(connection, decision.id)
            known = await store.read_acts(connection, decision.id, now_ms)
            before = [one for one in known if not one.undone]
            act = store.Act(
                id=stable_id("act", decision.id, len(known)),
                thread_id=decision.id,
                act=DONE,
                round=await threads.count_rounds(connection, decision.id),
                person_id=person_id,
                acted_at_ms=now_ms,
            )
            closed = any(one.act in CLOSING and one.round == act.round for one in before)
            first = not closed and await store.add_act(connection, act)
            if first:
                await tell_act(connection, act, asking, before, channel)
        if seen or first:
            self._committed()
        return first

    async def closed(self, decision: pb.Decision) -> store.Act | None:
        """What ended it, if anything has that still stands."""
        async with self._pool.acquire() as connection:
            rounds = await threads.count_rounds(connection, decision.id)
            known = await store.read_acts(connection, decision.id, self._clock())
        ended = [one for one in known if one.act in CLOSING and one.round == rounds]
        return next((one for one in ended if not one.undone), None)

    async def _see_all(
        self, connection: Any, decision: pb.Decision, channel: str, person_id: str
    ) -> tuple[bool, list[pb.Decision]]:
        """See all that the thread asks, and let nobody else be asked for it."""
        asking = await threads.read_asking(connection, decision)
        first = [await self._see(connection, one, channel, person_id) for one in asking]
        await stop_timers(connection, ESCALATE, [one.id for one in asking])
        return any(first), asking

    async def _see(
        self, connection: Any, decision: pb.Decision, channel: str, person_id: str
    ) -> bool:
        first = await store.add_visit(connection, decision.id, person_id, self._clock())
        if first:
            outcome = outcomes.of_person(
                decision,
                person_id=person_id,
                kind=pb.OUTCOME_KIND_SEEN,
                at_ms=self._clock(),
                detail="acknowledged",
                channel=channel,
            )
            await put_outcome(connection, outcome, span_of(decision))
        return first
