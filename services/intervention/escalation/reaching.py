"""Whether a recommendation without a message of its own reached its person; if not, they are told.

What joined a thread has reached whom the thread's message reached. That message may still be under
way when it joins, and may fail afterwards; or there is no page to join any more, because its person
closed it, or it was deleted. Then the person is told anew, once.
"""

from __future__ import annotations

from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.intervention.deciding.proposal import ASKED_LIFETIME_MS
from services.intervention.escalation import threads
from services.intervention.escalation.asking import Asking
from services.intervention.escalation.telling import tell_joined
from services.intervention.escalation.timers import TELL, Timer, set_timer
from services.intervention.store import acts
from services.intervention.store.decisions import read_decision

_log = logs.get(__name__)
_AGAIN_MS, _LONGEST_MS = 1_000, 30_000


class Reaching:
    """Tells whom nothing has told yet."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def look(self, connection: Any, timer: Timer, now_ms: int) -> None:
        """Effect of a timer: note that it reached them, look again later, or tell them."""
        decision = await read_decision(connection, timer.decision_id)
        if decision is None:
            return  # forgotten
        asked = decision.recommendation
        thread_id = await threads.find(connection, decision.id)
        # Of two that joined one thread, the second waits for the first one's message.
        await acts.lock(connection, thread_id)
        reach = await threads.read_reach(connection, thread_id, asked.person_id)
        if reach is threads.Reach.TOLD:
            if thread_id != decision.id:
                kinds = [pb.OUTCOME_KIND_DELIVERED]
                await tell_joined(connection, decision, thread_id, kinds, now_ms)
            return
        if await acts.acknowledged(
            connection, decision.id, thread_id=thread_id, since_ms=decision.decided_at_ms
        ):
            return
        if reach is threads.Reach.PERHAPS:
            # Nothing is sent twice by itself; `outbox` shows what nobody answered.
            _log.warning("perhaps told: no answer to the message", decision=decision.id)
        elif reach is threads.Reach.LOST:
            await self._asking.ask_anew(connection, decision, now_ms)
        elif now_ms < asked.due_at_ms + ASKED_LIFETIME_MS:
            number = int(timer.subject)
            due_at_ms = now_ms + min(_AGAIN_MS * 2**number, _LONGEST_MS)
            await set_timer(connection, TELL, decision.id, str(number + 1), due_at_ms)
