"""What mails, cards and pages say: the channels with markup of their own."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import escape

from services.intervention.channels.pagerduty import dedup_key
from services.intervention.sending.content import Alert

_SUMMARY_LIMIT = 1024
# Teams reads some Markdown in text blocks and facts: emphasis, links, lists. On phones it has shown
# backslashes that were not needed, so only what would be markup gets one.
_MARKUP = re.compile(r"[\\`*_~<\[\]]")
_LIST = re.compile(r"^(\d{0,9})([-+#>.)])(?=\s|$)")


def mail_body(alert: Alert) -> str:
    """Subject, text and HTML; the channel adds the headers."""
    title, body, button = _said(alert)
    rows = "".join(
        f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in alert.facts()
    )
    facts = (f"{name}: {value}" for name, value in alert.facts())
    text = "\n".join([title, "", body, "", *facts, "", f"{button}: {alert.link}", ""])
    html = (
        f"<!doctype html><html lang=en><body><h1>{escape(title)}</h1><p>{escape(body)}</p>"
        f"<table cellpadding=4>{rows}</table>"
        f'<p><a href="{escape(alert.link, quote=True)}">{escape(button)}</a></p></body></html>'
    )
    return json.dumps({"subject": title, "text": text, "html": html}, ensure_ascii=False)


def visitor_mail(payload_json: str) -> str:
    """What the page would have shown, for a visitor who had left: subject, text and HTML."""
    shown = json.loads(payload_json)
    title, body = str(shown["title"]), str(shown["body"])
    why = "You left before we could tell you on the page."
    html = (
        f"<!doctype html><html><body><h1>{escape(title)}</h1><p>{escape(body)}</p>"
        f"<p>{escape(why)}</p></body></html>"
    )
    text = "\n".join([title, "", body, "", why, ""])
    return json.dumps({"subject": title, "text": text, "html": html}, ensure_ascii=False)


def teams_card(alert: Alert) -> str:
    """One Adaptive Card. Acting is a link: a Workflows card cannot submit."""
    title, body, button = _said(alert)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {
                "type": "TextBlock",
                "size": "Large",
                "weight": "Bolder",
                "wrap": True,
                "text": _unmarked(title),
            },
            {"type": "TextBlock", "wrap": True, "text": _unmarked(body)},
            {
                "type": "FactSet",
                "facts": [
                    {"title": name, "value": _unmarked(value)} for name, value in alert.facts()
                ],
            },
        ],
        "actions": [{"type": "Action.OpenUrl", "title": button, "url": alert.link}],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False)


def page_event(alert: Alert) -> str:
    """An event of PagerDuty that triggers; the channel adds the routing key."""
    title, _, button = _said(alert)
    at = datetime.fromtimestamp(alert.occurred_at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    event = {
        "event_action": "trigger",
        "dedup_key": dedup_key(alert.tenant_id, alert.decision_id),
        "payload": {
            "summary": title[:_SUMMARY_LIMIT],
            "source": alert.page or "site",
            "severity": "critical",
            "timestamp": at,
            "component": alert.element,
            "class": alert.emotion,
            "custom_details": dict(alert.facts()),
        },
        "links": [{"href": alert.link, "text": button}],
        "client": "SentientIQ",
        "client_url": alert.link,
    }
    return json.dumps(event, ensure_ascii=False)


def settle_event(trigger: str, action: str) -> str:
    """An event that acknowledges or resolves what an event of `page_event` triggered.

    Its key is the trigger's own: what joined a thread goes out as the thread's incident.
    Empty, where that is no trigger.
    """
    event = json.loads(trigger)
    if event["event_action"] != "trigger":
        return ""
    return json.dumps({"event_action": action, "dedup_key": event["dedup_key"]})


def _said(alert: Alert) -> tuple[str, str, str]:
    said = alert.template.render(alert.values(60), "email")
    head = alert.head()
    late = f"{head} · " if head else ""
    return f"{late}{said.title}", said.body, said.actions[0].label if said.actions else "Step in"


def _unmarked(text: str) -> str:
    return _LIST.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", text))
