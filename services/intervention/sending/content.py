"""What a message to a person says, in each channel's own form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sentientiq.detection.v1 import emotion_pb2

from services.intervention.templates.escape import plain, slack
from services.intervention.templates.template import Rendered, Template, builtin_templates
from services.intervention.templates.text import Value

SMS_LIMIT = 300
SLACK_ACTS = {"acknowledge": "Acknowledge", "done": "Done"}
_FEELINGS = {
    emotion_pb2.EMOTION_KIND_RAGE: "rage",
    emotion_pb2.EMOTION_KIND_HESITATION: "hesitation",
    emotion_pb2.EMOTION_KIND_CONFUSION: "confusion",
    emotion_pb2.EMOTION_KIND_ABANDONMENT: "abandonment",
}


def emotion_word(kind: emotion_pb2.EmotionKind.ValueType) -> str:
    """The emotion in the design's words."""
    return _FEELINGS.get(kind, "emotion")


def _usual() -> Template:
    return builtin_templates()["alert@1"]


@dataclass(frozen=True, slots=True)
class Alert:
    """Everything a message to a person may say."""

    decision_id: str
    tenant_id: str
    session_id: str
    emotion: str
    confidence: int
    trigger: str
    name: str
    company_name: str
    value: str
    page: str
    element: str
    link: str
    occurred_at_ms: int
    due_at_ms: int
    late_s: int | None = None
    """Age of the emotion where it is too old for help in the page; None: in time."""
    presses: int = 0
    note: str = ""
    """Why it comes to this person, where it was meant for another one first."""
    template: Template = field(default_factory=_usual)

    def values(self, limit: int) -> dict[str, Value]:
        """What templates for the team may speak of."""
        return {
            "feeling": self.feeling,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "who": self.who(limit),
            "where": self.where(limit),
            "value": self.value,
            "company": self.company_name,
            "page": self.page,
            "element": self.element,
            "presses": self.presses,
        }

    @property
    def token(self) -> str:
        """The link without where it leads."""
        return self.link.rpartition("/")[2]

    def facts(self) -> list[tuple[str, str]]:
        """What chat and mail say in two columns."""
        return [
            ("Who", self.who()),
            ("Where", self.where().removeprefix("on ")),
            ("Feeling", f"{self.emotion}, {self.confidence}% sure"),
            ("Tipped by", plain(self.trigger.replace("_", " "), 60) or "several signals"),
        ]

    @property
    def feeling(self) -> str:
        """ "RAGE 92%"."""
        return f"{self.emotion.upper()} {self.confidence}%"

    def who(self, limit: int = 60) -> str:
        """ "Dana Reyes, Acme Robotics ($100,000)"."""
        names = [plain(part, limit) for part in (self.name, self.company_name) if part]
        text = ", ".join(names) or "A visitor"
        return f"{text} ({self.value})" if self.value else text

    def where(self, limit: int = 60) -> str:
        """ "on /checkout 'button#pay-now'"."""
        place = f"on {plain(self.page, limit)}" if self.page else "on the site"
        return f"{place} '{plain(self.element, limit)}'" if self.element else place

    def head(self) -> str:
        """ "LATE, 12 s ago", or why it comes to this person, or nothing."""
        if self.note or self.late_s is None:
            return plain(self.note, 60)
        minutes, hours = self.late_s // 60, self.late_s // 3600
        ago = f"{hours} h" if hours else f"{minutes} min" if minutes else f"{self.late_s} s"
        return f"LATE, {ago} ago"


def sms_text(alert: Alert) -> str:
    """At most 300 characters; names and places shrink before the link would."""
    head = alert.head()
    late = f"{head} · " if head else ""
    text = ""
    for limit in (60, 40, 28, 18, 10):
        said = alert.template.render(alert.values(limit), "sms")
        text = f"{late}{said.title}. {_button(said)}: {alert.link}"
        if len(text) <= SMS_LIMIT:
            break
    return text


def _button(said: Rendered) -> str:
    return said.actions[0].label if said.actions else "Step in"


def slack_payload(alert: Alert, *, acts: bool = False) -> str:
    """Block Kit, inside Slack's bounds: header 150, section text 3,000, button text 75.

    Args:
        acts: add Acknowledge and Done. Their value is the link's token: it names nobody, and Slack
            hands it back to us.
    """
    # A header is plain text, in which nothing is escaped; mrkdwn is.
    headline = alert.template.render(alert.values(40), "sms").title
    said = alert.template.render(alert.values(40), "slack")
    head = alert.head()
    late = f"*{slack(head)}*\n" if head else ""
    buttons: list[dict[str, Any]] = [
        {
            "type": "button",
            "style": "primary",
            "text": {"type": "plain_text", "text": _button(said)[:75]},
            "url": alert.link,
            "action_id": "step_in",
        }
    ]
    if acts:
        buttons += [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": label},
                "action_id": action,
                "value": alert.token,
            }
            for action, label in SLACK_ACTS.items()
        ]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": headline[:150]}},
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": f"{late}{said.body}",
            },
            "fields": [
                {"type": "mrkdwn", "text": f"*{name}*\n{slack(value)}"}
                for name, value in alert.facts()
            ],
        },
        {"type": "actions", "elements": buttons},
    ]
    fallback = alert.template.render(alert.values(60), "sms").title
    if head:
        fallback = f"{head} · {fallback}"
    return json.dumps({"text": slack(fallback), "blocks": blocks}, ensure_ascii=False)


def webhook_event(alert: Alert, *, message_id: str, at: str) -> str:
    """A CloudEvents 1.0 body that is a Standard Webhooks payload too (type, timestamp, data)."""
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"/tenants/{alert.tenant_id}",
        "type": "sentientiq.recommendation.opened",
        "subject": alert.decision_id,
        "time": at,
        "timestamp": at,
        "datacontenttype": "application/json",
        "data": {
            "decision_id": alert.decision_id,
            "session_id": alert.session_id,
            "emotion": alert.emotion,
            "confidence": alert.confidence,
            "trigger": alert.trigger,
            "name": alert.name,
            "company": alert.company_name,
            "value": alert.value,
            "page": alert.page,
            "element": alert.element,
            "occurred_at_ms": alert.occurred_at_ms,
            "due_at_ms": alert.due_at_ms,
            "late": alert.late_s is not None,
            "link": alert.link,
        },
    }
    return json.dumps(event, ensure_ascii=False)
