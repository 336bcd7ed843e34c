"""One function decides, for the edge's call and for the log alike."""

from __future__ import annotations

import time

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.common import deadlines, tracing
from services.common.errors import InvalidArgument, Unavailable
from services.intervention.clock import Clock
from services.intervention.histograms import DECIDE_S
from services.intervention.identities import Identities
from services.intervention.people import People, pick_person
from services.intervention.policies import Policies
from services.intervention.policy import Rule
from services.intervention.proposal import Proposal, Recommender, add_page, nothing
from services.intervention.writer import Settled, Writer

_MAX_ID_CHARS = 128
_MAX_TEXT_CHARS = 2_048


class Decider:
    """Decides what to do about an emotion."""

    def __init__(
        self,
        policies: Policies,
        identities: Identities,
        people: People,
        recommender: Recommender,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._policies = policies
        self._identities = identities
        self._people = people
        self._recommender = recommender
        self._writer = writer
        self._clock = clock
        self.anonymous_for_want_of_identity = 0
        self.without_recipient = 0

    async def decide(
        self,
        emotion: emotion_pb2.Emotion,
        identity: identity_pb2.UserIdentity | None,
        path: str,
    ) -> Settled:
        """Choose, and make the choice durable. Idempotent by emotion, revision and policy.

        Args:
            identity: as the caller has it; None: asked for here.
            path: "fast" goes on without an identity that cannot be had, "durable" does not.

        Raises:
            InvalidArgument: the emotion or identity is malformed.
            Unavailable: PostgreSQL or identity is away; nothing was decided.
        """
        check_emotion(emotion)
        emitted = tracing.of_emotion(emotion.id, emotion.rev)
        caller = tracing.current()
        # A call under another trace is answered in the emotion's own all the same.
        above = caller if caller is not None and caller.trace == emitted.trace else emitted
        began = time.monotonic()
        with tracing.span("intervention.decide", above) as span:
            settled = await self._decide(emotion, identity, path, span.context)
            span.attributes.update(path=path, new=settled.new, reason=settled.decision.reason)
        DECIDE_S.record(time.monotonic() - began, path)
        return settled

    async def _decide(
        self,
        emotion: emotion_pb2.Emotion,
        identity: identity_pb2.UserIdentity | None,
        path: str,
        here: tracing.Context | None,
    ) -> Settled:
        policy = await self._policies.of(emotion.tenant_id)
        rule = policy.choose(emotion)
        identity = await self._identity(emotion, identity, path)
        reason = rule if isinstance(rule, str) else "rule"
        proposal = nothing(emotion, identity, policy, reason, now_ms=self._clock(), path=path)
        if isinstance(rule, Rule):
            proposal.decision.rule = rule.name
            page = rule.page
            if page is not None and (page.value is None or page.value.holds(identity)):
                template = policy.template_for(page, emotion.context)
                if template is not None:
                    add_page(proposal, policy, page, template)
            await self._add_team(proposal, rule, identity)
            if not proposal.messages and not proposal.decision.HasField("intervention"):
                proposal.decision.reason = "no_rule"
        if deadlines.over():
            # A decision stands for good, and what it lacks may have lacked time only.
            raise Unavailable("the caller's time is up, nothing was decided")
        began_ns = time.time_ns()
        settled = await self._writer.submit(proposal)
        if settled.new:
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

    async def _add_team(
        self, proposal: Proposal, rule: Rule, identity: identity_pb2.UserIdentity
    ) -> None:
        team = rule.team
        if team is None or (team.value is not None and not team.value.holds(identity)):
            return
        people = await self._people.of(proposal.decision.tenant_id)
        person = pick_person(people, team.to, identity)
        if person is None:
            self.without_recipient += 1
            return
        self._recommender.add_team(proposal, team, person, identity)

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
