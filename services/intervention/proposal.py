"""From an emotion and an identity to what could be done, before cool-downs have their say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common import tracing
from services.common.guard import destination_of
from services.common.ids import decision_id, stable_id
from services.intervention.content import (
    Alert,
    emotion_word,
    slack_payload,
    sms_text,
    webhook_event,
)
from services.intervention.links import Links
from services.intervention.money import format_money
from services.intervention.people import reachable_channels
from services.intervention.policy import Limits, Page, Policy, Team, priority_of
from services.intervention.secrets import Sealer

LINK_LIFETIME_MS = 24 * 3_600_000
_SMS_DESTINATION = "sms"


@dataclass(frozen=True, slots=True)
class DraftMessage:
    """A message to a person, sealed, not yet promised."""

    id: str
    person_id: str
    channel: str
    destination: str
    endpoint_hash: str
    sealed: bytes
    expires_at_ms: int


@dataclass(slots=True)
class Proposal:
    """A decision that still has to pass the session's limits.

    `decision` carries every part that the policy wants; the writer takes parts out, never in.
    """

    decision: pb.Decision
    limits: Limits
    stale: bool
    """Too old for help in the page; alerts still go."""
    messages: list[DraftMessage] = field(default_factory=list[DraftMessage])


def age_ms(emotion: emotion_pb2.Emotion, now_ms: int) -> int:
    """How long ago it was felt. The earlier of both clocks counts: a replay detects late."""
    felt = emotion.detected_at_ms
    if 0 < emotion.occurred_at_ms < felt:
        felt = emotion.occurred_at_ms
    return max(0, now_ms - felt)


def nothing(
    emotion: emotion_pb2.Emotion,
    identity: identity_pb2.UserIdentity,
    policy: Policy,
    reason: str,
    *,
    now_ms: int,
    path: str,
) -> Proposal:
    """A recorded choice to do nothing; the start of every other one too."""
    decision = pb.Decision(
        id=decision_id(emotion.id, emotion.rev, policy.version),
        tenant_id=emotion.tenant_id,
        session_id=emotion.session_id,
        emotion=emotion,
        action=pb.DECISION_ACTION_NOTHING,
        reason=reason,
        policy_version=policy.version,
        assurance=identity.assurance,
        user_id=identity.user_id,
        company=identity.company,
        decided_at_ms=now_ms,
        path=path,
    )
    if identity.HasField("ltv"):
        decision.value.CopyFrom(identity.ltv)
    return Proposal(
        decision, policy.limits, age_ms(emotion, now_ms) > policy.limits.stale_after_s * 1000
    )


def add_page(proposal: Proposal, policy: Policy, page: Page, name: str) -> None:
    """Help in the page, from a template."""
    decision = proposal.decision
    decision.intervention.CopyFrom(
        build_intervention(
            decision,
            policy,
            name,
            priority=priority_of(page.priority),
            expires_at_ms=decision.decided_at_ms + page.expires_s * 1000,
        )
    )


def build_intervention(
    decision: pb.Decision,
    policy: Policy,
    name: str,
    *,
    priority: pb.Priority.ValueType,
    expires_at_ms: int,
) -> pb.Intervention:
    """An intervention of a decision; its id is a function of decision and template."""
    template = policy.templates[name]
    return pb.Intervention(
        id=stable_id("intervention", decision.id, name),
        decision_id=decision.id,
        tenant_id=decision.tenant_id,
        session_id=decision.session_id,
        type=template.kind,
        priority=priority,
        timing=pb.TIMING_IMMEDIATE,
        target=pb.AUDIENCE_USER,
        template=name,
        payload_json=template.payload_json(),
        expires_at_ms=expires_at_ms,
        traceparent=tracing.header(tracing.of_decision(decision.emotion.id, decision.id)),
    )


class Recommender:
    """Adds the team part: who, by when, and the messages that carry the link."""

    def __init__(self, links: Links, sealer: Sealer, *, public_url: str) -> None:
        self._links = links
        self._sealer = sealer
        self._public_url = public_url.rstrip("/")

    def add_team(
        self,
        proposal: Proposal,
        team: Team,
        person: tenant_pb2.Person,
        identity: identity_pb2.UserIdentity,
    ) -> None:
        """Recommend to a person, over every channel that person has."""
        decision = proposal.decision
        due_at_ms = decision.decided_at_ms + team.due_s * 1000
        channels = reachable_channels(person)
        decision.recommendation.CopyFrom(
            pb.Recommendation(
                person_id=person.person_id,
                due_at_ms=due_at_ms,
                channels=list(dict.fromkeys(channel.kind for channel in channels)),
            )
        )
        alert = self._alert(proposal, person, identity, due_at_ms)
        for channel in channels:
            message_id = stable_id(
                "message", decision.id, person.person_id, channel.kind, channel.address
            )
            proposal.messages.append(
                DraftMessage(
                    id=message_id,
                    person_id=person.person_id,
                    channel=channel.kind,
                    destination=_SMS_DESTINATION
                    if channel.kind == "sms"
                    else destination_of(channel.address),
                    endpoint_hash=self._sealer.endpoint_hash(channel.kind, channel.address),
                    sealed=self._sealer.seal(
                        {
                            "address": channel.address,
                            "secret": channel.secret,
                            "body": _body(channel.kind, alert, message_id, decision.decided_at_ms),
                        }
                    ),
                    expires_at_ms=due_at_ms,
                )
            )

    def _alert(
        self,
        proposal: Proposal,
        person: tenant_pb2.Person,
        identity: identity_pb2.UserIdentity,
        due_at_ms: int,
    ) -> Alert:
        decision = proposal.decision
        emotion = decision.emotion
        token = self._links.make(
            decision.id,
            person.person_id,
            expires_at_ms=decision.decided_at_ms + LINK_LIFETIME_MS,
        )
        return Alert(
            decision_id=decision.id,
            tenant_id=decision.tenant_id,
            session_id=decision.session_id,
            emotion=emotion_word(emotion.kind),
            confidence=emotion.confidence,
            trigger=emotion.trigger,
            name=identity.name,
            company_name=identity.company_name or identity.company,
            value=format_money(identity.ltv) if identity.HasField("ltv") else "",
            page=emotion.context.page,
            element=emotion.context.element,
            link=f"{self._public_url}/i/{token}",
            occurred_at_ms=emotion.occurred_at_ms,
            due_at_ms=due_at_ms,
            late_s=age_ms(emotion, decision.decided_at_ms) // 1000 if proposal.stale else None,
        )


def _body(channel: str, alert: Alert, message_id: str, at_ms: int) -> str:
    if channel == "sms":
        return sms_text(alert)
    if channel == "slack":
        return slack_payload(alert)
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return webhook_event(alert, message_id=message_id, at=at.replace("+00:00", "Z"))
