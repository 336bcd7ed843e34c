"""Every channel of a person, and what they say back: outcomes, each once, from the right ones.

Over 400 lines because one pair of processes, a while to start, serves all channels.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
from collections.abc import AsyncGenerator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from aiosmtpd.smtp import SMTP
from sentientiq.intervention.v1 import intervention_pb2 as pb

from cli.up.ports import free_port
from services.intervention.answering.links import Links
from tests.integration.intervention_line import (
    MESH,
    Directory,
    Line,
    Ports,
    process,
    until,
)
from tests.unit.services.intervention.providers import MailBox

SLACK_SECRET = "slack-secret"
PAGERDUTY_SECRET = "pd-secret"
ROUTING_KEY = "R" * 32
MAIL_PORT = free_port()
METRICS = f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def ports(
    postgres_url: str, state_url: str, log_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ports]:
    """Both processes, for all tests of the module."""
    made = Ports()
    environment = made.environment(postgres_url, state_url, log_url) | {
        "SIQ_SLACK_SIGNING_SECRET": SLACK_SECRET,
        "SIQ_PAGERDUTY_URL": f"http://127.0.0.1:{made.sandbox}",
        "SIQ_PAGERDUTY_WEBHOOK_SECRETS": f"old-secret,{PAGERDUTY_SECRET}",
        "SIQ_SMTP_URL": f"smtp://127.0.0.1:{MAIL_PORT}",
        "SIQ_SMTP_FROM": "SentientIQ <help@siq.test>",
        "SIQ_METRICS_LISTEN": METRICS,
    }
    sandbox = {
        "SIQ_HTTP_LISTEN": f"127.0.0.1:{made.sandbox}",
        "SIQ_HOOKS_URL": f"http://127.0.0.1:{made.http}",
        "SIQ_SLACK_SIGNING_SECRET": SLACK_SECRET,
        "SIQ_PAGERDUTY_WEBHOOK_SECRET": PAGERDUTY_SECRET,
    }
    folder: Path = tmp_path_factory.mktemp("acknowledgements")
    with (
        process("services.sandbox", sandbox, folder / "sandbox.log"),
        process("services.intervention", environment, folder / "intervention.log"),
    ):
        yield made


@pytest.fixture
async def line(ports: Ports, log_url: str) -> AsyncGenerator[Line, None]:
    """A tenant of its own, and the directory it is in."""
    directory = Directory()
    server = await directory.serve(ports.directory)
    made = Line(ports, directory, log_url)
    await directory.watched.wait()
    yield made
    await made.close()
    await server.stop(None)


@pytest.fixture
async def box() -> AsyncGenerator[MailBox, None]:
    """The mail server that the service hands mail to."""
    made, loop = MailBox(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(made, hostname="mx.test", loop=loop), "127.0.0.1", MAIL_PORT
    )
    yield made
    server.close()


async def alerted(line: Line, kind: str, address: str) -> pb.Decision:
    """One person with one channel, and an emotion that reaches them."""
    line.person((kind, address))
    return await line.decide(line.emotion("s1"), line.identity("s1"))


async def press(line: Line, action: str, value: str, **wrong: Any) -> httpx.Response:
    """What Slack sends when a button is pressed."""
    payload: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "actions": [{"action_id": action, "value": value}],
    }
    if "response_url" in wrong:
        payload["response_url"] = wrong["response_url"]
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at = str(wrong.get("at_s", int(time.time())))
    signed = b"v0:" + at.encode() + b":" + body
    secret = wrong.get("secret", SLACK_SECRET).encode()
    return await line.pages.post(
        "/hooks/slack",
        content=wrong.get("body", body),
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": at,
            "x-slack-signature": "v0=" + hmac.new(secret, signed, sha256).hexdigest(),
        },
    )


async def tell(line: Line, event: dict[str, Any], secret: str = PAGERDUTY_SECRET) -> httpx.Response:
    """What PagerDuty sends when an incident changes."""
    body = json.dumps({"event": event}).encode()
    good = hmac.new(secret.encode(), body, sha256).hexdigest()
    return await line.pages.post(
        "/hooks/pagerduty",
        content=body,
        headers={"x-pagerduty-signature": f"v1={'0' * 64},v1={good}"},
    )


async def slack_buttons(line: Line) -> dict[str, dict[str, Any]]:
    """The buttons of the one message in Slack, by what they do."""
    message = await line.one_message(line.tenant)
    blocks = message["details"]["payload"]["blocks"]
    return {one["action_id"]: one for one in blocks[-1]["elements"]}


async def person_outcomes(line: Line) -> list[tuple[pb.OutcomeKind.ValueType, str, str]]:
    """What the team did, as (kind, channel, detail)."""
    kinds = (pb.OUTCOME_KIND_SEEN, pb.OUTCOME_KIND_ACTED, pb.OUTCOME_KIND_DECLINED)
    return [
        (one.kind, one.channel, one.detail) for one in await line.outcomes() if one.kind in kinds
    ]


async def after(line: Line, count: int) -> list[tuple[pb.OutcomeKind.ValueType, str, str]]:
    """The team's outcomes, when there are `count`."""

    async def enough() -> bool:
        return len(await person_outcomes(line)) >= count

    await until(enough)
    return await person_outcomes(line)


def slack_url(line: Line) -> str:
    return f"http://127.0.0.1:{line.ports.sandbox}/slack/{line.tenant}"


async def test_buttons_in_slack_become_outcomes_once(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    buttons = await slack_buttons(line)
    assert list(buttons) == ["step_in", "acknowledge", "done"]
    assert buttons["step_in"]["url"].endswith(buttons["done"]["value"])
    for _ in range(2):
        assert (
            await press(line, "acknowledge", buttons["acknowledge"]["value"])
        ).status_code == 200
    assert await after(line, 1) == [(pb.OUTCOME_KIND_SEEN, "slack", "acknowledged")]
    for _ in range(2):
        assert (await press(line, "done", buttons["done"]["value"])).status_code == 200
    assert sorted(await after(line, 2)) == [
        (pb.OUTCOME_KIND_SEEN, "slack", "acknowledged"),
        (pb.OUTCOME_KIND_ACTED, "slack", "done"),
    ]


async def press_in_inbox(line: Line, to: str, action: str) -> None:
    """Press a button in the sandbox's inbox, as its page does."""
    message = (await line.received(to))[0]
    answer = await line.sandbox.post(
        f"/api/messages/{message['id']}/press", json={"action": action}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] in (200, 202)


async def test_message_in_slack_shows_who_pressed(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    first = await line.one_message(line.tenant)

    async def shows(words: str) -> bool:
        return bool((await line.one_message(line.tenant))["body"].startswith(f"{words} by Ada at "))

    await press_in_inbox(line, line.tenant, "acknowledge")
    await until(lambda: shows("Acknowledged"))
    assert list(await slack_buttons(line)) == ["step_in", "done"]
    await press_in_inbox(line, line.tenant, "done")
    await until(lambda: shows("Done"))
    assert list(await slack_buttons(line)) == ["step_in"]
    blocks = (await line.one_message(line.tenant))["details"]["payload"]["blocks"]
    said = [one["elements"][0]["text"] for one in blocks if one["type"] == "context"]
    assert [one.partition(" at ")[0] for one in said] == ["Acknowledged by Ada", "Done by Ada"]
    assert blocks[:2] == first["details"]["payload"]["blocks"][:2]
    assert len(await after(line, 2)) == 2


async def test_reply_goes_nowhere_but_to_slack(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    token = (await slack_buttons(line))["acknowledge"]["value"]
    asked: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    before = await replies(line)
    for url in (
        f"http://127.0.0.1:{port}/x",
        "https://hooks.slack.com.evil.example/x",
        "file:///x",
    ):
        assert (await press(line, "acknowledge", token, response_url=url)).status_code == 200

    async def counted() -> bool:
        return (await replies(line))["refused"] == before["refused"] + 3

    await until(counted)
    server.close()
    assert asked == []
    assert await after(line, 1) == [(pb.OUTCOME_KIND_SEEN, "slack", "acknowledged")]


async def test_reply_that_fails_changes_no_outcome(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    token = (await slack_buttons(line))["done"]["value"]
    before = await replies(line)
    gone = f"http://127.0.0.1:{line.ports.sandbox}/actions/none"
    assert (await press(line, "done", token, response_url=gone)).status_code == 200

    async def counted() -> bool:
        return (await replies(line))["failed"] == before["failed"] + 1

    await until(counted)
    assert len(await after(line, 2)) == 2


async def replies(line: Line) -> dict[str, int]:
    """Replies of the process so far, by how they ended."""
    answer = await line.pages.get(f"http://{METRICS}/metrics")
    found = re.findall(
        r'siq_intervention_slack_replies_total\{[^}]*how="(\w+)"[^}]*\} (\S+)', answer.text
    )
    return {how: round(float(count)) for how, count in found}


async def test_done_at_once_is_seen_and_acted(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    await press(line, "done", (await slack_buttons(line))["done"]["value"])
    kinds = {kind for kind, _, _ in await after(line, 2)}
    assert kinds == {pb.OUTCOME_KIND_SEEN, pb.OUTCOME_KIND_ACTED}


async def test_presses_that_slack_did_not_sign_do_nothing(line: Line) -> None:
    await alerted(line, "slack", slack_url(line))
    token = (await slack_buttons(line))["done"]["value"]
    assert (await press(line, "done", token, secret="another")).status_code == 403
    assert (await press(line, "done", token, at_s=int(time.time()) - 301)).status_code == 403
    assert (await press(line, "done", token, at_s=int(time.time()) + 360)).status_code == 403
    assert (await press(line, "done", token, body=b"payload=%7B%7D")).status_code == 403
    forged = ("A" if token[0] != "A" else "B") + token[1:]
    assert (await press(line, "done", forged)).status_code == 404
    assert (await press(line, "step_in", "")).status_code == 200
    assert await person_outcomes(line) == []


async def test_incident_taken_and_resolved_become_outcomes(line: Line) -> None:
    decision = await alerted(line, "pagerduty", ROUTING_KEY)
    key = f"siq:{line.tenant}:{decision.id}"

    async def paged() -> bool:
        found = await line.received(ROUTING_KEY)
        return any(one["details"]["dedup_key"] == key for one in found)

    await until(paged)
    person = {"agent": {"type": "user_reference"}, "data": {"incident_key": key}}
    for _ in range(2):
        answer = await tell(line, {"event_type": "incident.acknowledged", **person})
        assert answer.status_code == 202
    assert await after(line, 1) == [(pb.OUTCOME_KIND_SEEN, "pagerduty", "acknowledged")]
    await tell(line, {"event_type": "incident.resolved", **person})
    assert (pb.OUTCOME_KIND_ACTED, "pagerduty", "done") in await after(line, 2)


async def test_incident_is_taken_and_ended_in_the_inbox(line: Line) -> None:
    decision = await alerted(line, "pagerduty", ROUTING_KEY)
    key = f"siq:{line.tenant}:{decision.id}"

    async def paged() -> list[int]:
        found = await line.received(ROUTING_KEY)
        return [one["id"] for one in found if one["details"]["dedup_key"] == key]

    (incident,) = await until(paged)
    for action in ("acknowledge", "resolve"):
        url = f"/api/messages/{incident}/press"
        answer = await line.sandbox.post(url, json={"action": action})
        assert answer.json() == {"status": 202}
    assert sorted(await after(line, 2)) == [
        (pb.OUTCOME_KIND_SEEN, "pagerduty", "acknowledged"),
        (pb.OUTCOME_KIND_ACTED, "pagerduty", "done"),
    ]
    refused = await line.sandbox.post(url, json={"action": "step_in"})
    assert refused.status_code == 400


async def test_what_is_done_on_the_page_settles_the_incident(line: Line) -> None:
    decision = await alerted(line, "pagerduty", ROUTING_KEY)
    key = f"siq:{line.tenant}:{decision.id}"

    async def events() -> list[str]:
        found = await line.received(ROUTING_KEY)
        told = [one["details"] for one in found if one["details"]["dedup_key"] == key]
        return [one["event_action"] for one in told]

    async def delivered() -> bool:
        return bool(await line.outcomes(pb.OUTCOME_KIND_DELIVERED))

    await until(delivered)
    link = Links(MESH).make(decision.id, "p-ceo", expires_at_ms=2**31 * 1000)
    nonce = (await line.pages.post(f"/i/{link}/seen", json={})).json()["nonce"]

    async def taken() -> bool:
        return await events() == ["trigger", "acknowledge"]

    await until(taken)
    await line.pages.post(f"/i/{link}/act", json={"act": "decline", "nonce": nonce})

    async def resolved() -> bool:
        return await events() == ["trigger", "acknowledge", "resolve"]

    await until(resolved)


async def test_what_no_person_did_in_pagerduty_says_nothing(line: Line) -> None:
    decision = await alerted(line, "pagerduty", ROUTING_KEY)
    data = {"incident_key": f"siq:{line.tenant}:{decision.id}"}
    user = {"type": "user_reference"}
    told = [
        {"event_type": "incident.resolved", "data": data},
        {"event_type": "incident.resolved", "agent": {"type": "service_reference"}, "data": data},
        {"event_type": "incident.annotated", "agent": user, "data": data},
        {"event_type": "incident.resolved", "agent": user, "data": {"incident_key": "theirs"}},
        {"event_type": "incident.resolved", "agent": user, "data": {"incident_key": None}},
        {
            "event_type": "incident.resolved",
            "agent": user,
            "data": {"incident_key": f"siq:another:{decision.id}"},
        },
    ]
    for event in told:
        assert (await tell(line, event)).status_code == 202
    signed = {"event_type": "incident.resolved", "agent": user, "data": data}
    assert (await tell(line, signed, secret="another")).status_code == 403
    assert await person_outcomes(line) == []


async def test_mail_is_readable_and_unsubscribed_with_one_press(line: Line, box: MailBox) -> None:
    await alerted(line, "email", "robin@acme.example")
    await until(lambda: _there(box, 1))
    (letter,) = box.letters
    assert letter["to"] == "robin@acme.example"
    assert "Dana Reyes" in letter["subject"]
    kinds = [part.get_content_type() for part in letter.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    for part in letter.iter_parts():
        assert "/i/" in part.get_content()
    assert letter["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(str(letter["list-unsubscribe"]).strip("<>")).path
    assert (await line.pages.get(path)).status_code == 200
    assert (await line.pages.post(path[:-4] + "AAAA")).status_code == 404

    await line.decide(line.emotion("s2"), line.identity("s2"))
    await until(lambda: _there(box, 2))
    answer = await line.pages.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    await line.decide(line.emotion("s3"), line.identity("s3"))
    (failed,) = await until(lambda: line.outcomes(pb.OUTCOME_KIND_FAILED))
    assert failed.detail == "endpoint_off:unsubscribed"
    assert len(box.letters) == 2


async def test_card_in_teams_leads_to_the_page(line: Line) -> None:
    base = f"http://127.0.0.1:{line.ports.sandbox}"
    await alerted(line, "teams", f"{base}/teams/{line.tenant}")
    message = await line.one_message(line.tenant)
    card = message["details"]["card"]
    assert card["type"] == "AdaptiveCard"
    assert [one["type"] for one in card["actions"]] == ["Action.OpenUrl"]
    page = await line.pages.get(urlsplit(str(card["actions"][0]["url"])).path)
    assert page.status_code == 200


async def _there(box: MailBox, count: int) -> bool:
    return len(box.letters) >= count
