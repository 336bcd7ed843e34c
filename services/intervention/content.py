"""What a message to a person says, in each channel's own form."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass

from sentientiq.detection.v1 import emotion_pb2

SMS_LIMIT = 300
_FEELINGS = {
    emotion_pb2.EMOTION_KIND_RAGE: "rage",
    emotion_pb2.EMOTION_KIND_HESITATION: "hesitation",
    emotion_pb2.EMOTION_KIND_CONFUSION: "confusion",
    emotion_pb2.EMOTION_KIND_ABANDONMENT: "abandonment",
}


def emotion_word(kind: emotion_pb2.EmotionKind.ValueType) -> str:
    """The emotion in the design's words."""
    return _FEELINGS.get(kind, "emotion")


def plain(text: str, limit: int) -> str:
    """One line for a message: no control characters, no links of a stranger's making, cut short.

    Page, element and names come from outside; a phone turns whatever looks like a URL into a link.
    """
    kept = "".join(
        " " if unicodedata.category(char)[0] in "CZ" else char for char in text[: 4 * limit]
    )
    line = " ".join(kept.replace("://", " ").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


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

    def lateness(self) -> str:
        """ "LATE, 12 s ago", or nothing."""
        if self.late_s is None:
            return ""
        minutes, hours = self.late_s // 60, self.late_s // 3600
        ago = f"{hours} h" if hours else f"{minutes} min" if minutes else f"{self.late_s} s"
        return f"LATE, {ago} ago"


def sms_text(alert: Alert) -> str:
    """At most 300 characters; names and places shrink before the link would."""
    late = f"{alert.lateness()} · " if alert.late_s is not None else ""
    text = ""
    for limit in (60, 40, 28, 18, 10):
        text = (
            f"{late}{alert.feeling} · {alert.who(limit)} {alert.where(limit)}. "
            f"Step in: {alert.link}"
        )
        if len(text) <= SMS_LIMIT:
            break
    return text


def _escape(text: str) -> str:
    """Slack's three."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_payload(alert: Alert) -> str:
    """Block Kit, inside Slack's bounds: header 150, section text 3,000, button text 75."""
    headline = f"{alert.feeling} · {alert.who(40)}"
    late = f"*{alert.lateness()}*\n" if alert.late_s is not None else ""
    fields = [
        ("Who", alert.who()),
        ("Where", alert.where().removeprefix("on ")),
        ("Feeling", f"{alert.emotion}, {alert.confidence}% sure"),
        ("Tipped by", plain(alert.trigger.replace("_", " "), 60) or "several signals"),
    ]
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": headline[:150]}},
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": f"{late}A customer is struggling right now. You can step in.",
            },
            "fields": [
                {"type": "mrkdwn", "text": f"*{name}*\n{_escape(value)}"} for name, value in fields
            ],
        },
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "style": "primary",
                    "text": {"type": "plain_text", "text": "Step in"},
                    "url": alert.link,
                    "action_id": "step_in",
                }
            ],
        },
    ]
    fallback = f"{alert.feeling} · {alert.who()} {alert.where()}"
    if alert.late_s is not None:
        fallback = f"{alert.lateness()} · {fallback}"
    return json.dumps({"text": _escape(fallback), "blocks": blocks}, ensure_ascii=False)


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
