"""What an act comes to when its window closes: told to the log, handed over, or sent by e-mail.

Until then it can be taken back, where nobody has felt it yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import tracing
from services.common.ids import outcome_id
from services.intervention.deciding.identities import Identities
from services.intervention.deciding.proposal import Recommender
from services.intervention.deciding.record import read_inputs
from services.intervention.escalation import threads
from services.intervention.escalation.asking import Asking
from services.intervention.escalation.promising import promise
from services.intervention.escalation.telling import HAND_OVER, span_of, tell_act
from services.intervention.escalation.timers import Timer
from services.intervention.store import acts, interventions
from services.intervention.store.decisions import read_decision
from services.intervention.store.outbox import put_outcome

EMAIL = "email"
_NOT_MAILED = ("no_consent", "no_address", "no_mail_server")
MAIL_LIFETIME_MS = 3_600_000


class Windows:
    """Closes the windows of acts."""

    def __init__(
        self,
        asking: Asking,
        identities: Identities,
        recommender: Recommender,
        *,
        mail_ready: bool,
        promised: Callable[[], None],
    ) -> None:
        """`mail_ready`: there is a server that takes mail."""
        self._asking = asking
        self._identities = identities
        self._recommender = recommender
        self._mail_ready = mail_ready
        self._promised = promised
        self.fell_back: dict[str, int] = dict.fromkeys((EMAIL, *_NOT_MAILED), 0)

    async def settle(self, connection: Any, timer: Timer, now_ms: int) -> None:
        """Effect of a timer: whatever of the act has not happened yet."""
        # Whoever takes it back at this moment is waited for.
        await acts.lock(connection, timer.decision_id)
        act = await acts.find_act(connection, timer.subject, now_ms)
        decision = await read_decision(connection, timer.decision_id)
        if act is None or act.undone or decision is None:
            return
        if act.open_until_ms:
            answered = await threads.read_asking(connection, decision)
            stands = await acts.read_acts(connection, act.thread_id, now_ms)
            before = [one for one in stands if not one.undone]
            await tell_act(connection, act, answered, before)
        if act.act == HAND_OVER:
            await self._asking.hand_over(connection, decision, act, now_ms)
        if act.intervention_id and act.state == "pending":
            await self._fall_back(connection, decision, act, now_ms)

    async def _fall_back(
        self, connection: Any, decision: pb.Decision, act: acts.Act, now_ms: int
    ) -> None:
        intervention_id = act.intervention_id or ""
        shown = await interventions.read_one(connection, intervention_id)
        if shown is None:
            return
        # Of the thread's visits, the one that it was for.
        decision = await read_decision(connection, shown.decision_id) or decision
        identity = await self._identities.resolve(decision.tenant_id, decision.session_id)
        # What a page merely claims may be anybody's address.
        proven = identity.assurance == identity_pb2.ASSURANCE_VERIFIED
        how = self._how(decision, identity.email if proven else "")
        if how == EMAIL:
            # What was mailed is not shown too; where the page was faster, it is not mailed.
            if not await acts.move_pending(connection, intervention_id, "mailed", now_ms):
                return
            draft = self._recommender.draft_for_visitor(
                shown,
                identity.email,
                message_id=f"mail-{act.id}",
                expires_at_ms=now_ms + MAIL_LIFETIME_MS,
            )
            here = tracing.header(tracing.of_decision(decision.emotion.id, decision.id))
            await promise(connection, decision, [draft], traceparent=here, now_ms=now_ms)
            self._promised()
        await acts.note_fallback(connection, act.id, how)
        self.fell_back[how] += 1
        outcome = pb.Outcome(
            id=outcome_id("fell_back", intervention_id),
            tenant_id=decision.tenant_id,
            session_id=decision.session_id,
            decision_id=decision.id,
            intervention_id=intervention_id,
            kind=pb.OUTCOME_KIND_FELL_BACK,
            occurred_at_ms=now_ms,
            person_id=act.person_id,
            channel=EMAIL if how == EMAIL else "page",
            detail=how,
        )
        await put_outcome(connection, outcome, span_of(decision))

    def _how(self, decision: pb.Decision, address: str) -> str:
        # Not known is not yes: the page says each time whether it may.
        if not decision.inputs or read_inputs(decision).facts.interventions_consent != 1:
            return "no_consent"
        if not address:
            return "no_address"
        return EMAIL if self._mail_ready else "no_mail_server"
