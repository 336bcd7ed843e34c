"""Follow decision.v1: each recommendation gets its thread, and a timer for who is asked next.

Beside the hot path, a moment after the decision. Reading a record twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common.consumer import Delivery
from services.intervention.escalation import threads
from services.intervention.escalation.evidence import Evidence, encode
from services.intervention.escalation.telling import tell_joined
from services.intervention.escalation.timers import ESCALATE, TELL, set_timer

GROUP = "intervention-threads"


class Following:
    """Handles batches of decision.v1."""

    def __init__(
        self,
        pool: Any,
        evidence: Evidence,
        *,
        timer_set: Callable[[], None],
        committed: Callable[[], None],
    ) -> None:
        """`committed()` is called after a commit that left an outcome in the outbox."""
        self._pool = pool
        self._evidence = evidence
        self._timer_set = timer_set
        self._committed = committed
        self.folded = 0

    async def handle(self, deliveries: list[Delivery[pb.Decision]]) -> None:
        """Give each decision its place."""
        decisions = {delivery.message.id: delivery.message for delivery in deliveries}
        asking = [one for one in decisions.values() if one.HasField("recommendation")]
        others = [id_ for id_, one in decisions.items() if not one.HasField("recommendation")]
        folded, opened, revised = 0, list[tuple[str, str]](), list[tuple[str, str]]()
        async with self._pool.acquire() as connection, connection.transaction():
            for decision in asking:
                place = await self._place(connection, decision)
                folded += place.joined
                if place.thread_id == decision.id:
                    opened.append((decision.id, decision.id))
            if others:
                revised = await threads.attach(connection, others)
        self.folded += folded
        if asking:
            self._timer_set()
        if folded:
            self._committed()
        # Of several revisions the newest is drawn.
        for thread_id, decision_id in dict([*opened, *revised]).items():
            found = await self._evidence.of(decisions[decision_id].emotion)
            if found:
                await threads.keep_evidence(self._pool, thread_id, encode(found))

    async def _place(self, connection: Any, decision: pb.Decision) -> threads.Place:
        known = await connection.fetchval("SELECT true FROM decisions WHERE id = $1", decision.id)
        if not known:
            return threads.Place("")  # of another mesh's log, or forgotten since
        place = await threads.place(connection, decision)
        asked, now_ms = decision.recommendation, decision.decided_at_ms
        if asked.escalation:
            due_at_ms = now_ms + asked.escalation[0].after_ms
            await set_timer(connection, ESCALATE, decision.id, "0", due_at_ms)
        if place.joined:
            kinds = [pb.OUTCOME_KIND_FOLDED]
            reach = await threads.read_reach(connection, place.thread_id, asked.person_id)
            if reach is threads.Reach.TOLD:
                # It is on a page that the person has been told of: it did reach them.
                kinds.append(pb.OUTCOME_KIND_DELIVERED)
            else:
                await set_timer(connection, TELL, decision.id, "0", now_ms)
            await tell_joined(connection, decision, place.thread_id, kinds, now_ms)
        elif place.anew:
            await set_timer(connection, TELL, decision.id, "0", now_ms)
        return place
