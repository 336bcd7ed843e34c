"""The team's part of a decision: the messages that carry it, sealed, not yet promised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common.guard import destination_of
from services.common.ids import stable_id
from services.intervention.answering.links import Links
from services.intervention.channels import mail, pagerduty
from services.intervention.deciding.gather import age_ms
from services.intervention.deciding.people import reachable_channels
from services.intervention.money import format_money
from services.intervention.sending.content import (
    Alert,
    emotion_word,
    slack_payload,
    sms_text,
    webhook_event,
)
from services.intervention.sending.letters import mail_body, page_event, teams_card, visitor_mail
from services.intervention.sending.secrets import Sealer
from services.intervention.templates.template import Template

LINK_LIFETIME_MS = 24 * 3_600_000
ASKED_LIFETIME_MS = 15 * 60_000
# Of channels whose address names no host: everything goes through one provider.
_DESTINATIONS = {"sms": "sms", "email": mail.DESTINATION, "pagerduty": pagerduty.DESTINATION}


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


class Recommender:
    """Drafts what carries a recommendation to a person, with the link to step in."""

    def __init__(
        self, links: Links, sealer: Sealer, *, public_url: str, slack_acts: bool = False
    ) -> None:
        """`slack_acts`: buttons in Slack lead back to us."""
        self._slack_acts = slack_acts
        self._links = links
        self._sealer = sealer
        self._public_url = public_url.rstrip("/")

    def draft(
        self,
        decision: pb.Decision,
        template: Template,
        person: tenant_pb2.Person,
        identity: identity_pb2.UserIdentity,
        *,
        late: bool,
    ) -> list[DraftMessage]:
        """Messages over every channel of the recommendation; none without one.

        Args:
            late: the emotion is too old for help in the page.
        """
        chosen = frozenset(decision.recommendation.channels)
        due_at_ms = decision.recommendation.due_at_ms
        alert = self._alert(decision, template, person, identity, late=late)
        return [
            self._message(decision, alert, person, channel, due_at_ms)
            for channel in reachable_channels(person)
            if channel.kind in chosen
        ]

    def draft_for_another(
        self,
        decision: pb.Decision,
        template: Template,
        person: tenant_pb2.Person,
        identity: identity_pb2.UserIdentity,
        *,
        note: str,
        asked: str,
        now_ms: int,
        channels: frozenset[str] | None = None,
    ) -> list[DraftMessage]:
        """Messages to somebody who is asked later.

        Args:
            channels: over which, where caps left only these open; None: over all that they have.
            note: why it comes to them; it stands first.
            asked: the step or act by which they are asked; each sends its own messages, once.
        """
        alert = self._alert(decision, template, person, identity, late=False, from_ms=now_ms)
        alert = replace(alert, note=note)
        expires_at_ms = max(decision.recommendation.due_at_ms, now_ms + ASKED_LIFETIME_MS)
        return [
            self._message(decision, alert, person, channel, expires_at_ms, asked, now_ms)
            for channel in reachable_channels(person)
            if channels is None or channel.kind in channels
        ]

    def draft_for_visitor(
        self, intervention: pb.Intervention, address: str, *, message_id: str, expires_at_ms: int
    ) -> DraftMessage:
        """The mail that carries what the page did not show in time."""
        return DraftMessage(
            id=message_id,
            person_id="",
            channel="email",
            destination=mail.DESTINATION,
            endpoint_hash=self._sealer.endpoint_hash("email", address),
            sealed=self._sealer.seal(
                {"address": address, "secret": "", "body": visitor_mail(intervention.payload_json)}
            ),
            expires_at_ms=expires_at_ms,
        )

    def _message(
        self,
        decision: pb.Decision,
        alert: Alert,
        person: tenant_pb2.Person,
        channel: tenant_pb2.Channel,
        due_at_ms: int,
        asked: str = "",
        at_ms: int = 0,
    ) -> DraftMessage:
        named = ("message", decision.id, person.person_id, channel.kind, channel.address)
        message_id = stable_id(*named, asked) if asked else stable_id(*named)
        return DraftMessage(
            id=message_id,
            person_id=person.person_id,
            channel=channel.kind,
            destination=_DESTINATIONS.get(channel.kind) or destination_of(channel.address),
            endpoint_hash=self._sealer.endpoint_hash(channel.kind, channel.address),
            sealed=self._sealer.seal(
                {
                    "address": channel.address,
                    "secret": channel.secret,
                    "body": self._body(
                        channel.kind, alert, message_id, at_ms or decision.decided_at_ms
                    ),
                }
            ),
            expires_at_ms=due_at_ms,
        )

    def _alert(
        self,
        decision: pb.Decision,
        template: Template,
        person: tenant_pb2.Person,
        identity: identity_pb2.UserIdentity,
        *,
        late: bool,
        from_ms: int = 0,
    ) -> Alert:
        emotion = decision.emotion
        token = self._links.make(
            decision.id,
            person.person_id,
            expires_at_ms=(from_ms or decision.decided_at_ms) + LINK_LIFETIME_MS,
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
            due_at_ms=decision.recommendation.due_at_ms,
            late_s=age_ms(emotion, decision.decided_at_ms) // 1000 if late else None,
            presses=len(emotion.evidence),
            template=template,
        )

    def _body(self, channel: str, alert: Alert, message_id: str, at_ms: int) -> str:
        match channel:
            case "sms":
                return sms_text(alert)
            case "slack":
                return slack_payload(alert, acts=self._slack_acts)
            case "teams":
                return teams_card(alert)
            case "email":
                return mail_body(alert)
            case "pagerduty":
                return page_event(alert)
            case _:
                at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
                return webhook_event(alert, message_id=message_id, at=at.replace("+00:00", "Z"))
