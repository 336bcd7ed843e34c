"""One function decides, for the edge's call and for the log alike."""

from __future__ import annotations

import time
from dataclasses import replace

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from services.common import deadlines, tracing
from services.common.errors import InvalidArgument, Unavailable
from services.intervention.clock import Clock
from services.intervention.deciding.gather import EMOTION_NAMES, Case, gather
from services.intervention.deciding.identities import Identities
from services.intervention.deciding.people import People
from services.intervention.deciding.policies import Policies
from services.intervention.deciding.writer import Settled, TeamNeeded, Writer
from services.intervention.experiments.assignment import Units
from services.intervention.experiments.draws import Draws
from services.intervention.histograms import DECIDE_S
from services.intervention.policy import UNFIT_ARM
from services.intervention.policy.ledger import Ledger
from services.intervention.switches import Switches

_MAX_ID_CHARS = 128
_MAX_TEXT_CHARS = 2_048


class Decider:
    """Decides what to do about an emotion."""

    def __init__(
        self,
        policies: Policies,
        identities: Identities,
        people: People,
        switches: Switches,
        draws: Draws,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._identities = identities
        self._people = people
        self._switches = switches
        self._draws = draws
        self._writer = writer
        self._clock = clock
        self.anonymous_for_want_of_identity = 0
        self.without_recipient = 0
        self.unfit_arms = 0

    async def decide(
        self,
        emotion: emotion_pb2.Emotion,
        identity: identity_pb2.UserIdentity | None,
        path: str,
        visitor: service_pb2.VisitorContext | None = None,
    ) -> Settled:
        """Choose, and make the choice durable. Idempotent by emotion, revision and policy.

        Args:
            identity: as the caller has it; None: asked for here.
            path: "fast" goes on without an identity that cannot be had, "durable" does not.
            visitor: what only the page knows, where a caller has it.

        Raises:
            InvalidArgument: the emotion or identity is malformed.
            Unavailable: PostgreSQL or identity is away; nothing was decided.
        """
        check_emotion(emotion)
        began = time.monotonic()
        if tracing.enabled():
            settled = await self._traced(emotion, identity, path, visitor)
        else:
            settled = await self._decide(emotion, identity, path, visitor, None)
        DECIDE_S.record(time.monotonic() - began, path)
        return settled

    async def _traced(
        self,
        emotion: emotion_pb2.Emotion,
        identity: identity_pb2.UserIdentity | None,
        path: str,
        visitor: service_pb2.VisitorContext | None,
    ) -> Settled:
        emitted = tracing.of_emotion(emotion.id, emotion.rev)
        caller = tracing.current()
        # A call under another trace is answered in the emotion's own all the same.
        above = caller if caller is not None and caller.trace == emitted.trace else emitted
        with tracing.span("intervention.decide", above) as span:
            settled = await self._decide(emotion, identity, path, visitor, span.context)
            span.attributes.update(path=path, new=settled.new, reason=settled.decision.reason)
        return settled

    async def _decide(
        self,
        emotion: emotion_pb2.Emotion,
        identity: identity_pb2.UserIdentity | None,
        path: str,
        visitor: service_pb2.VisitorContext | None,
        here: tracing.Context | None,
    ) -> Settled:
        policy = await self._policies.of(emotion.tenant_id)
        identity = await self._identity(emotion, identity, path)
        switches = self._switches.of(emotion.tenant_id)
        units = Units.proven(
            user_id=identity.user_id,
            company=identity.company,
            session_id=emotion.session_id,
            assurance=identity.assurance,
        )
        drawn = await self._draws.of(emotion.tenant_id, units)
        case = Case(
            emotion,
            identity,
            policy,
            path,
            visitor,
            switches=switches,
            choices=drawn.choices,
            experiments_known=drawn.known,
        )
        if self._may_need_team(case):
            case = replace(case, people=await self._people.of(emotion.tenant_id))
        began_ns = time.time_ns()
        settled = await self._submit(case)
        if settled.new:
            self.unfit_arms += settled.decision.reason == UNFIT_ARM
            self.without_recipient += settled.decision.reason == "no_recipient"
            if here is not None:
                tracing.record(
                    "decision.commit",
                    parent=here,
                    at=tracing.of_decision(emotion.id, settled.decision.id),
                    start_ns=began_ns,
                    decision=settled.decision.id,
                    intervention=settled.decision.HasField("intervention"),
                    recommendation=settled.decision.HasField("recommendation"),
                )
        return settled

    def _may_need_team(self, case: Case) -> bool:
        """Guess, without what guards remember, whether to ask for the team at once."""
        if not case.policy.asks.get(EMOTION_NAMES.get(case.emotion.kind, "")):
            return False
        facts = gather(case, Ledger(), now_ms=self._clock(), handled=False)
        node = case.policy.find(facts).node
        return node is not None and any(
            part.kind == "team" and all(holds(facts) for holds in part.holds)
            for part in node.parts or ()
        )

    async def _submit(self, case: Case) -> Settled:
        _refuse_late()
        try:
            return await self._writer.submit(case)
        except TeamNeeded:
            people = await self._people.of(case.emotion.tenant_id)
            _refuse_late()
            return await self._writer.submit(replace(case, people=people))

    async def _identity(
        self,
        emotion: emotion_pb2.Emotion,
        given: identity_pb2.UserIdentity | None,
        path: str,
    ) -> identity_pb2.UserIdentity:
        if given is not None:
            if (given.tenant_id or emotion.tenant_id) != emotion.tenant_id:
                raise InvalidArgument("identity.tenant_id is not the emotion's")
            if (given.session_id or emotion.session_id) != emotion.session_id:
                raise InvalidArgument("identity.session_id is not the emotion's")
            _check_text("identity.user_id", given.user_id, _MAX_TEXT_CHARS)
            _check_text("identity.company", given.company, _MAX_TEXT_CHARS)
            self._identities.remember(given)
            return given
        try:
            return await self._identities.resolve(emotion.tenant_id, emotion.session_id)
        except Unavailable:
            if path != "fast":
                raise
            self.anonymous_for_want_of_identity += 1
            return identity_pb2.UserIdentity(
                tenant_id=emotion.tenant_id, session_id=emotion.session_id
            )


def _refuse_late() -> None:
    """A decision stands for good, and what it lacks may have lacked time only."""
    if deadlines.over():
        raise Unavailable("the caller's time is up, nothing was decided")


def check_emotion(emotion: emotion_pb2.Emotion) -> None:
    """Refuse what cannot be stored or keyed.

    Raises:
        InvalidArgument: naming the field.
    """
    for field in ("id", "tenant_id", "session_id"):
        value: str = getattr(emotion, field)
        if not value:
            raise InvalidArgument(f"emotion.{field} is empty")
        _check_text(f"emotion.{field}", value, _MAX_ID_CHARS)
    if emotion.rev < 1:
        raise InvalidArgument("emotion.rev starts at 1")
    if emotion.confidence > 100:
        raise InvalidArgument("emotion.confidence is at most 100")
    if emotion.detected_at_ms <= 0:
        raise InvalidArgument("emotion.detected_at_ms is missing")
    for field in ("page", "element", "section"):
        _check_text(f"emotion.context.{field}", getattr(emotion.context, field), _MAX_TEXT_CHARS)


def _check_text(name: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidArgument(f"{name} is longer than {limit} characters")
    if "\x00" in value:
        raise InvalidArgument(f"{name} contains a NUL character")
