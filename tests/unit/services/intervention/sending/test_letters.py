"""What mails, cards and pages say, and what they keep out."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.smtp import MailServer, read_server
from services.intervention.channels.mail import Mail
from services.intervention.channels.pagerduty import dedup_key, read_dedup_key
from services.intervention.channels.teams import MOST_BYTES
from services.intervention.sending.letters import mail_body, page_event, teams_card
from tests.unit.services.intervention.providers import UNSUBSCRIBING
from tests.unit.services.intervention.sending.test_content import ALERT, LINK

HOSTILE = dataclasses.replace(
    ALERT,
    name="<script>alert(1)</script>",
    company_name="A\r\nBcc: all@acme.example",
    element="[click](https://evil.test)",
)


def test_mail_says_it_twice_and_escapes_what_html_would_read() -> None:
    said = json.loads(mail_body(HOSTILE))
    assert LINK in said["text"]
    assert f'href="{LINK}"' in said["html"]
    assert "<script>" not in said["html"]
    assert "\n" not in said["subject"]
    assert "\r" not in said["subject"]


def test_late_mail_says_so_first() -> None:
    said = json.loads(mail_body(dataclasses.replace(ALERT, late_s=130)))
    assert said["subject"].startswith("LATE, 2 min ago")


def test_card_has_one_attachment_and_no_markdown_of_strangers() -> None:
    message = json.loads(teams_card(HOSTILE))
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Step in", "url": LINK}]
    texts = json.dumps(card["body"])
    assert "[click](" not in texts
    assert "\\\\[click\\\\]" in texts


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ("button#pay-now (2)!", "button#pay-now (2)!"),
        ("*bold* _it_ `c` ~s~", r"\*bold\* \_it\_ \`c\` \~s\~"),
        ("- no list", r"\- no list"),
        ("1. no list", r"1\. no list"),
        ("-5.5", "-5.5"),
    ],
)
def test_card_escapes_what_would_be_markup_and_nothing_else(element: str, said: str) -> None:
    alert = dataclasses.replace(ALERT, name="", company_name=element, element="")
    (attachment,) = json.loads(teams_card(alert))["attachments"]
    (facts,) = [one for one in attachment["content"]["body"] if one["type"] == "FactSet"]
    assert said in facts["facts"][0]["value"]


@given(st.text(max_size=5_000), st.text(max_size=5_000))
def test_cards_and_events_stay_in_their_bounds(name: str, element: str) -> None:
    alert = dataclasses.replace(ALERT, name=name, element=element)
    assert len(teams_card(alert).encode()) < MOST_BYTES
    event = page_event(alert)
    assert len(event.encode()) < 512 * 1024
    assert len(json.loads(event)["payload"]["summary"]) <= 1024


def test_event_names_its_incident() -> None:
    event = json.loads(page_event(ALERT))
    assert (event["event_action"], event["dedup_key"]) == ("trigger", f"siq:t1:{'d' * 32}")
    assert set(event["payload"]) >= {"summary", "source", "severity"}
    assert read_dedup_key(dedup_key("t1", "d1")) == ("t1", "d1")
    for key in ("", "siq", "siq:t1", "other:t1:d1", "siq:t1:d1:more"):
        assert read_dedup_key(key) is None


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("", MailServer("", 0, False, "", "", "")),
        ("smtp://mx", MailServer("mx", 587, False, "", "", "a@b.c")),
        ("smtps://mx", MailServer("mx", 465, True, "", "", "a@b.c")),
        ("smtp://u%40x:p%3Aw@mx:25", MailServer("mx", 25, False, "u@x", "p:w", "a@b.c")),
    ],
)
def test_mail_servers_are_read(url: str, server: MailServer) -> None:
    assert read_server(url, "a@b.c") == server


@pytest.mark.parametrize(
    ("url", "sender"),
    [("mx:25", "a@b.c"), ("http://mx", "a@b.c"), ("smtp://mx", ""), ("smtp://mx", "nobody"),
     ("smtp://mx", "a@b.c\r\nBcc: all@acme.example")],
)  # fmt: skip
def test_what_is_no_mail_server_is_refused(url: str, sender: str) -> None:
    with pytest.raises(ValueError, match=r"address|expected"):
        read_server(url, sender)


def test_a_password_crosses_no_network_in_the_clear() -> None:
    assert read_server("smtp://u:p@mx.example", "a@b.c").must_encrypt
    assert not read_server("smtp://mx.example", "a@b.c").must_encrypt
    assert not read_server("smtp://u:p@127.0.0.1:25", "a@b.c").must_encrypt


async def test_without_a_server_no_mail_is_tried() -> None:
    from tests.unit.services.intervention.providers import providers

    async with providers() as world:
        mail = Mail(read_server("", ""), UNSUBSCRIBING)
        verdict = await mail.deliver(world.message("email"))
    assert verdict.detail == "smtp_not_configured"


def test_unsubscribe_links_are_signed_and_name_nobody() -> None:
    token = UNSUBSCRIBING.link("t1", "hash").rpartition("/")[2]
    assert UNSUBSCRIBING.read(token) == ("t1", "hash")
    for index in range(len(token)):
        other = "A" if token[index] != "A" else "B"
        changed = UNSUBSCRIBING.read(token[:index] + other + token[index + 1 :])
        assert changed in (None, ("t1", "hash")), "base64's spare bits may not matter, nothing else"
    for token in ("", "A", "!!!", "ü"):
        assert UNSUBSCRIBING.read(token) is None
