"""The sandbox answers as the providers do; over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.http import HttpServer
from services.common.settings import SettingsError
from services.common.smtp import hand_in, read_server
from services.sandbox.app import build_app
from services.sandbox.callbacks import Callbacks, is_loopback
from services.sandbox.faults import Faults
from services.sandbox.inbox import CAPACITY, Inbox
from services.sandbox.mail import MailIntake
from services.sandbox.twilio import segments, sign

ACCOUNT, TOKEN = "ACtest", "token"
TEXTS = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
FORM = {"To": "+15551234567", "From": "+15005550006", "Body": "Hello · there"}


@dataclass
class Running:
    client: httpx.AsyncClient
    inbox: Inbox

    async def text(self, **changes: str) -> httpx.Response:
        return await self.client.post(TEXTS, data={**FORM, **changes}, auth=(ACCOUNT, TOKEN))

    async def messages(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.client.get("/api/messages", params=query)
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found


@pytest.fixture
async def sandbox() -> AsyncGenerator[Running, None]:
    inbox, callbacks = Inbox(), Callbacks()
    server = HttpServer(build_app(inbox, Faults(), callbacks), "127.0.0.1:0", grace_s=1)
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        yield Running(client, inbox)
    await server.stop()
    await callbacks.close()


async def test_text_is_answered_and_kept(sandbox: Running) -> None:
    answer = await sandbox.text()
    assert answer.status_code == 201
    resource = answer.json()
    assert resource["sid"].startswith("SM")
    assert (resource["status"], resource["error_code"]) == ("queued", None)
    (message,) = await sandbox.messages(provider="twilio", to=FORM["To"])
    assert (message["body"], message["from"]) == (FORM["Body"], FORM["From"])
    assert isinstance(message["received_at_ms"], float)
    assert await sandbox.messages(after_id=str(message["id"])) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550002"}, 21612),
        ({"To": "+15005550003"}, 21408),
        ({"To": "+15005550004"}, 21610),
        ({"To": "+15005550009"}, 21614),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": "+15005550008"}, 21611),
        ({"To": ""}, 21604),
        ({"From": ""}, 21603),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"To": "Dana"}, 21211),
    ],
)
async def test_magic_numbers_answer_with_their_code(
    sandbox: Running, changes: dict[str, str], code: int
) -> None:
    answer = await sandbox.text(**changes)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await sandbox.messages() == []


@pytest.mark.parametrize("auth", [("", ""), ("ACother", TOKEN), (ACCOUNT, "")])
async def test_credentials_must_be_of_the_account(sandbox: Running, auth: tuple[str, str]) -> None:
    answer = await sandbox.client.post(TEXTS, data=FORM, auth=auth)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)


async def test_callbacks_are_signed_and_in_order(sandbox: Running) -> None:
    got: asyncio.Queue[tuple[str, dict[str, str], str]] = asyncio.Queue()

    async def take(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        await got.put((str(request.url), form, request.headers["x-twilio-signature"]))
        return Response(status_code=204)

    receiver = HttpServer(Starlette(routes=[Route("/cb", take, methods=["POST"])]), "127.0.0.1:0")
    await receiver.start()
    url = f"http://127.0.0.1:{receiver.port}/cb?m=1"
    await sandbox.text(StatusCallback=url)
    for status in ("sent", "delivered"):
        called, form, signature = await got.get()
        assert called == url
        assert form["MessageStatus"] == status
        assert signature == sign(TOKEN, url, form)
    await receiver.stop()


async def test_mail_is_taken_and_shown(sandbox: Running) -> None:
    intake = MailIntake(sandbox.inbox, "127.0.0.1:0")
    await intake.start()
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "SentientIQ <help@siq.test>", "Grüße"
    letter["To"] = "ada@acme.example, bob@acme.example"
    letter["List-Unsubscribe"] = "<http://127.0.0.1/u>"
    letter.set_content("Hello ü")
    letter.add_alternative("<p>Hello</p>", subtype="html")
    server = read_server(f"smtp://127.0.0.1:{intake.port}", "help@siq.test")
    await hand_in(server, letter, timeout_s=5)
    intake.stop()
    first, second = await sandbox.messages(provider="email")
    assert [first["to"], second["to"]] == ["ada@acme.example", "bob@acme.example"]
    assert (first["from"], first["body"].strip()) == ("SentientIQ <help@siq.test>", "Hello ü")
    assert first["details"]["subject"] == "Grüße"
    assert first["details"]["html"].strip() == "<p>Hello</p>"
    assert first["details"]["headers"] == {"list-unsubscribe": "<http://127.0.0.1/u>"}


async def test_taken_mail_port_is_named(sandbox: Running) -> None:
    intake = MailIntake(sandbox.inbox, "127.0.0.1:0")
    await intake.start()
    with pytest.raises(SettingsError, match="SIQ_SMTP_LISTEN is not usable"):
        await MailIntake(sandbox.inbox, f"127.0.0.1:{intake.port}").start()
    intake.stop()


def test_callbacks_stay_on_this_machine() -> None:
    assert is_loopback("http://127.0.0.1:8090/hooks")
    assert is_loopback("http://localhost/hooks")
    assert is_loopback("http://[::1]:1/")
    for url in ("https://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "x", "http://[::1"):
        assert not is_loopback(url)


async def test_lost_answer_can_be_looked_up(sandbox: Running) -> None:
    fault = {"provider": "twilio", "drop": True}
    assert (await sandbox.client.post("/api/faults", json=fault)).status_code == 201
    with pytest.raises(httpx.HTTPError):
        await sandbox.text()
    listed = await sandbox.client.get(TEXTS, params={"To": FORM["To"]}, auth=(ACCOUNT, TOKEN))
    assert [one["body"] for one in listed.json()["messages"]] == [FORM["Body"]]
    other = await sandbox.client.get(TEXTS, params={"To": "+1555"}, auth=(ACCOUNT, TOKEN))
    assert other.json()["messages"] == []


async def test_fault_ends_after_its_times_and_keeps_nothing(sandbox: Running) -> None:
    fault = {"provider": "twilio", "status": 429, "times": 2, "retry_after_s": 3}
    await sandbox.client.post("/api/faults", json=fault)
    answers = [await sandbox.text() for _ in range(3)]
    assert [one.status_code for one in answers] == [429, 429, 201]
    assert answers[0].json()["code"] == 20429
    assert answers[0].headers["retry-after"] == "3"
    assert len(await sandbox.messages()) == 1


@pytest.mark.parametrize(
    "fault", [{}, {"provider": "pigeon"}, {"provider": "slack", "status": 700}, {"x": 1}, []]
)
async def test_impossible_fault_is_refused(sandbox: Running, fault: Any) -> None:
    assert (await sandbox.client.post("/api/faults", json=fault)).status_code == 400


async def test_slack_says_ok_in_plain_text(sandbox: Running) -> None:
    answer = await sandbox.client.post("/slack/T1/B1/x", json={"text": "hi", "blocks": []})
    assert (answer.status_code, answer.text) == (200, "ok")
    (message,) = await sandbox.messages(provider="slack")
    assert (message["to"], message["body"]) == ("T1/B1/x", "hi")


@pytest.mark.parametrize(
    ("body", "says"), [(b"{}", "no_text"), (b"x", "invalid_payload"), (b"[]", "invalid_payload")]
)
async def test_slack_refuses_in_its_own_words(sandbox: Running, body: bytes, says: str) -> None:
    answer = await sandbox.client.post("/slack/x", content=body)
    assert (answer.status_code, answer.text) == (400, says)


async def test_card_is_shown_as_teams_shows_it(sandbox: Running) -> None:
    said = {"type": "TextBlock", "text": r"RAGE on \[a\] app\_pool \\ C:\dir"}
    card = {"type": "AdaptiveCard", "body": [said]}
    body = {"type": "message", "attachments": [{"content": card}]}
    assert (await sandbox.client.post("/teams/T1", json=body)).status_code == 202
    (message,) = await sandbox.messages(to="T1")
    assert message["body"] == r"RAGE on [a] app_pool \ C:\dir"
    assert message["details"]["card"] == card, "and kept as it came"


async def test_query_asks_for_a_fault_of_its_own(sandbox: Running) -> None:
    answer = await sandbox.client.post("/slack/x?status=410", json={"text": "hi"})
    assert answer.status_code == 410
    answer = await sandbox.client.post("/slack/x?status=soon", json={"text": "hi"})
    assert answer.status_code == 400


async def test_webhook_keeps_the_headers_that_sign(sandbox: Running) -> None:
    headers = {"webhook-id": "m1", "webhook-signature": "v1,x", "cookie": "secret"}
    answer = await sandbox.client.post("/webhook/a/b", content=b"{}", headers=headers)
    assert answer.status_code == 204
    (message,) = await sandbox.messages(provider="webhook")
    kept = message["details"]["headers"]
    assert kept["webhook-id"] == "m1"
    assert "cookie" not in kept


async def test_too_large_a_body_is_refused(sandbox: Running) -> None:
    answer = await sandbox.client.post("/webhook/x", content=b"x" * 300_000)
    assert answer.status_code == 413


async def test_stream_tells_each_message_on_one_line(sandbox: Running) -> None:
    async with sandbox.client.stream("GET", "/api/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith(":")
        assert await anext(lines) == ""
        await sandbox.text(Body="two\nlines")
        line = await anext(lines)
        assert json.loads(line.removeprefix("data: "))["body"] == "two\nlines"


async def test_page_and_api_are_open_to_this_machine_only(sandbox: Running) -> None:
    page = await sandbox.client.get("/")
    assert "Sandbox: nothing leaves this machine" in page.text
    near = await sandbox.client.get("/api/messages", headers={"origin": "http://127.0.0.1:8000"})
    assert near.headers["access-control-allow-origin"] == "http://127.0.0.1:8000"
    far = await sandbox.client.get("/api/messages", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in far.headers


async def test_clearing_forgets(sandbox: Running) -> None:
    await sandbox.text()
    assert (await sandbox.client.delete("/api/messages")).status_code == 204
    assert await sandbox.messages() == []
    assert (await sandbox.client.get("/api/messages?after_id=x")).status_code == 400


def test_inbox_is_bounded() -> None:
    inbox = Inbox()
    for index in range(CAPACITY + 5):
        inbox.add("slack", to="x", sender="", body=str(index), received_at_ms=0.0)
    kept = inbox.list()
    assert (len(kept), kept[0].body, kept[-1].id) == (CAPACITY, "5", CAPACITY + 5)


@pytest.mark.parametrize(
    ("text", "count"), [("x" * 160, 1), ("x" * 161, 2), ("·" * 70, 1), ("·" * 71, 2)]
)
def test_parts_of_a_text(text: str, count: int) -> None:
    assert segments(text) == count
