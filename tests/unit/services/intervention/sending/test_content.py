"""What messages say, and what they keep out."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.intervention.money import format_money
from services.intervention.sending.content import (
    Alert,
    plain,
    slack_payload,
    sms_text,
    webhook_event,
)

LINK = "https://help.siq.test/i/" + "A" * 56
ALERT = Alert(
    decision_id="d" * 32,
    tenant_id="t1",
    session_id="s1",
    emotion="rage",
    confidence=92,
    trigger="rage_click",
    name="Dana Reyes",
    company_name="Acme Robotics",
    value="$100,000",
    page="/checkout",
    element="button#pay-now",
    link=LINK,
    occurred_at_ms=1,
    due_at_ms=2,
)


def test_text_says_who_what_where_and_how() -> None:
    assert sms_text(ALERT) == (
        "RAGE 92% · Dana Reyes, Acme Robotics ($100,000) on /checkout 'button#pay-now'. "
        f"Step in: {LINK}"
    )


def test_text_of_an_anonymous_visitor() -> None:
    alert = dataclasses.replace(ALERT, name="", company_name="", value="", page="", element="")
    assert sms_text(alert) == f"RAGE 92% · A visitor on the site. Step in: {LINK}"


@pytest.mark.parametrize(
    ("late_s", "says"), [(4, "LATE, 4 s ago · "), (61, "LATE, 1 min ago"), (7300, "LATE, 2 h ago")]
)
def test_late_text_says_so_first(late_s: int, says: str) -> None:
    assert sms_text(dataclasses.replace(ALERT, late_s=late_s)).startswith(says)


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=3000))
def test_text_is_short_on_one_line_with_one_link(name: str, company: str, page: str) -> None:
    alert = dataclasses.replace(ALERT, name=name, company_name=company, page=page, element=page)
    text = sms_text(alert)
    assert len(text) <= 300
    assert text.count("://") == 1
    assert text.endswith(LINK)
    assert text.isprintable()


def test_plain_makes_one_harmless_line() -> None:
    assert plain("a\r\nb\t c\u202e\x00", 20) == "a b c"
    assert plain("go to https://evil.example now", 60) == "go to https evil.example now"
    assert plain("x" * 30, 10) == "x" * 9 + "…"


def test_slack_escapes_what_slack_would_read() -> None:
    alert = dataclasses.replace(ALERT, name="<!channel> & co", page="/a<b>")
    payload = json.loads(slack_payload(alert))
    fields = json.dumps(payload["blocks"][1]["fields"])
    assert "&lt;!channel&gt; &amp; co" in fields
    assert "<!channel>" not in fields + payload["text"]
    button = payload["blocks"][2]["elements"][0]
    assert button["url"] == LINK


@given(st.text(max_size=400), st.text(max_size=3000))
def test_slack_stays_in_its_bounds(name: str, element: str) -> None:
    late = dataclasses.replace(ALERT, name=name, company_name=name, element=element, late_s=9)
    payload = json.loads(slack_payload(late))
    header, section, _ = payload["blocks"]
    assert 0 < len(header["text"]["text"]) <= 150
    assert len(section["text"]["text"]) <= 3000
    assert all(len(field["text"]) <= 2000 for field in section["fields"])


def test_webhook_body_is_a_cloud_event_and_a_standard_webhook() -> None:
    event = json.loads(webhook_event(ALERT, message_id="m1", at="2026-01-02T03:04:05.000Z"))
    assert {"id", "source", "specversion", "type"} <= event.keys()
    assert {"type", "timestamp", "data"} <= event.keys()
    assert event["data"]["link"] == LINK
    assert event["data"]["late"] is False


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("USD", 10_000_000, "$100,000"),
        ("USD", 9_999_950, "$100,000"),
        ("USD", 1_250, "$12.50"),
        ("USD", -12_345_600, "-$123,456"),
        ("EUR", 0, "€0.00"),
        ("JPY", 5_000, "¥5,000"),
        ("CHF", 1_234_500, "CHF 12,345"),
        ("KWD", 1_500, "KWD 1.500"),
    ],
)
def test_money_as_people_write_it(currency: str, minor: int, text: str) -> None:
    assert format_money(identity_pb2.Money(currency=currency, minor=minor)) == text
