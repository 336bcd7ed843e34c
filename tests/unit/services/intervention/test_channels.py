"""The channels against the sandbox and receivers that misbehave, over real HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import pytest

from services.common.guard import Guard
from services.common.http import HttpServer
from services.common.http_client import Http
from services.intervention.channels.message import Message
from services.intervention.channels.slack import Slack
from services.intervention.channels.twilio import Account, Twilio
from services.intervention.channels.verdict import Ending
from services.intervention.channels.webhook import Webhook
from services.intervention.clock import wall_ms
from services.sandbox.app import build_app
from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import Fault, Faults
from services.sandbox.inbox import Inbox

MESSAGE = Message(
    id="m" * 32,
    tenant_id="t1",
    session_id="s1",
    decision_id="d" * 32,
    channel="sms",
    endpoint_hash="h",
    address="+15551234567",
    secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    body='{"text": "Hello"}',
    attempts=1,
    uncertain=False,
    created_at_ms=wall_ms(),
    expires_at_ms=wall_ms() + 60_000,
)


@dataclass
class Channels:
    base: str
    inbox: Inbox
    faults: Faults
    twilio: Twilio
    slack: Slack
    webhook: Webhook

    def to(self, path: str) -> Message:
        return replace(MESSAGE, address=f"{self.base}{path}")


@pytest.fixture
async def channels() -> AsyncGenerator[Channels, None]:
    inbox, faults, callbacks = Inbox(), Faults(), Callbacks()
    server = HttpServer(build_app(inbox, faults, callbacks), "127.0.0.1:0", grace_s=1)
    await server.start()
    base = f"http://127.0.0.1:{server.port}"
    http, guard = Http(total_timeout_s=1.0), Guard((f"127.0.0.1:{server.port}",))
    account = Account(base, "ACtest", "token", "+15005550006")
    yield Channels(
        base,
        inbox,
        faults,
        Twilio(http, account, callback_url=f"{base}/nowhere"),
        Slack(http, guard),
        Webhook(http, guard, wall_ms),
    )
    await http.close()
    await server.stop()
    await callbacks.close()


async def test_text_is_accepted_with_an_id(channels: Channels) -> None:
    verdict = await channels.twilio.deliver(MESSAGE)
    assert verdict.ending is Ending.SENT
    assert verdict.provider_id.startswith("SM")


@pytest.mark.parametrize(
    ("to", "ending", "detail"),
    [
        ("+15005550001", Ending.DROP, "21211"),
        ("+15005550002", Ending.DROP, "21612"),
        ("+15005550003", Ending.DROP, "21408"),
        ("+15005550004", Ending.ENDPOINT_OFF, "21610"),
        ("+15005550009", Ending.DROP, "21614"),
    ],
)
async def test_numbers_of_twilio_have_their_class(
    channels: Channels, to: str, ending: Ending, detail: str
) -> None:
    verdict = await channels.twilio.deliver(replace(MESSAGE, address=to))
    assert (verdict.ending, verdict.detail) == (ending, detail)


async def test_too_many_texts_wait_as_long_as_told(channels: Channels) -> None:
    channels.faults.add(Fault("twilio", status=429, retry_after_s=7))
    verdict = await channels.twilio.deliver(MESSAGE)
    assert (verdict.ending, verdict.detail, verdict.retry_after_s) == (Ending.RETRY, "20429", 7.0)


async def test_queue_full_and_server_errors_are_repeated(channels: Channels) -> None:
    channels.faults.add(Fault("twilio", status=400, code=21611))
    channels.faults.add(Fault("twilio", status=502))
    assert (await channels.twilio.deliver(MESSAGE)).ending is Ending.RETRY
    assert (await channels.twilio.deliver(MESSAGE)).ending is Ending.RETRY


async def test_silence_is_unknown_and_looked_up(channels: Channels) -> None:
    channels.faults.add(Fault("twilio", delay_ms=3_000))
    assert (await channels.twilio.deliver(MESSAGE)).ending is Ending.UNKNOWN
    found = await channels.twilio.deliver(replace(MESSAGE, uncertain=True))
    assert (found.ending, found.detail) == (Ending.SENT, "found")
    assert len(channels.inbox.list()) == 1


async def test_uncertain_text_that_never_arrived_is_sent(channels: Channels) -> None:
    verdict = await channels.twilio.deliver(replace(MESSAGE, uncertain=True))
    assert (verdict.ending, verdict.detail) == (Ending.SENT, "queued")
    assert len(channels.inbox.list()) == 1


async def test_nobody_listening_is_certainly_not_sent() -> None:
    http = Http()
    account = Account("http://127.0.0.1:1", "AC", "t", "+1")
    verdict = await Twilio(http, account, callback_url="").deliver(MESSAGE)
    assert verdict.ending is Ending.RETRY
    uncertain = replace(MESSAGE, uncertain=True)
    assert (
        await Twilio(http, account, callback_url="").deliver(uncertain)
    ).ending is Ending.UNKNOWN
    await http.close()


async def test_without_credentials_no_text_is_tried() -> None:
    http = Http()
    twilio = Twilio(http, Account("http://127.0.0.1:1", "", "", ""), callback_url="")
    verdict = await twilio.deliver(MESSAGE)
    assert (verdict.ending, verdict.detail) == (Ending.DROP, "twilio_not_configured")
    await http.close()


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (Fault("slack", status=404, body="no_service"), Ending.ENDPOINT_OFF),
        (Fault("slack", status=404, body="channel_not_found"), Ending.ENDPOINT_OFF),
        (Fault("slack", status=410, body="channel_is_archived"), Ending.ENDPOINT_OFF),
        (Fault("slack", status=403, body="action_prohibited"), Ending.DROP),
        (Fault("slack", status=429, retry_after_s=2), Ending.RETRY),
        (Fault("slack", status=500, body="rollup_error"), Ending.RETRY),
        (Fault("slack", status=302), Ending.DROP),
        (Fault("slack", delay_ms=3_000), Ending.UNKNOWN),
        (Fault("slack", drop=True), Ending.UNKNOWN),
    ],
)
async def test_answers_of_slack_have_their_class(
    channels: Channels, fault: Fault, ending: Ending
) -> None:
    channels.faults.add(fault)
    assert (await channels.slack.deliver(channels.to("/slack/x"))).ending is ending


async def test_slack_gets_it_once_or_perhaps_never(channels: Channels) -> None:
    message = channels.to("/slack/x")
    assert (await channels.slack.deliver(message)).ending is Ending.DELIVERED
    verdict = await channels.slack.deliver(replace(message, uncertain=True))
    assert (verdict.ending, verdict.detail) == (Ending.DROP, "unknown")
    assert len(channels.inbox.list()) == 1


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (Fault("webhook", status=200), Ending.DELIVERED),
        (Fault("webhook", status=301), Ending.RETRY),
        (Fault("webhook", status=404), Ending.RETRY),
        (Fault("webhook", status=410), Ending.ENDPOINT_OFF),
        (Fault("webhook", status=429, retry_after_s=5), Ending.RETRY),
        (Fault("webhook", status=503), Ending.RETRY),
        (Fault("webhook", delay_ms=3_000), Ending.RETRY),
        (Fault("webhook", status=500, body="x" * 10_000), Ending.RETRY),
    ],
)
async def test_answers_of_receivers_have_their_class(
    channels: Channels, fault: Fault, ending: Ending
) -> None:
    channels.faults.add(fault)
    assert (await channels.webhook.deliver(channels.to("/webhook/x"))).ending is ending


async def test_webhook_without_a_secret_is_not_sent(channels: Channels) -> None:
    verdict = await channels.webhook.deliver(replace(channels.to("/webhook/x"), secret=""))
    assert verdict.ending is Ending.DROP
    assert channels.inbox.list() == []


async def test_private_urls_are_never_called(channels: Channels) -> None:
    for address in ("https://127.0.0.1/x", "https://169.254.169.254/", "http://localhost:1/"):
        message = replace(MESSAGE, address=address)
        for channel in (channels.slack, channels.webhook):
            verdict = await channel.deliver(message)
            assert verdict.ending is Ending.DROP
            assert verdict.detail.startswith("refused_url:")


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, for ever."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    try:
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)
    except OSError:
        pass
    finally:
        writer.close()


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer without an end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    try:
        while not writer.is_closing():
            writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def test_slow_answer_costs_only_its_time() -> None:
    server = await asyncio.start_server(_trickle, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = Http(total_timeout_s=0.5)
    slack = Slack(http, Guard((place,)))
    started = time.monotonic()
    verdict = await slack.deliver(replace(MESSAGE, address=f"http://{place}/x"))
    assert verdict.ending is Ending.UNKNOWN
    assert time.monotonic() - started < 2
    await http.close()
    server.close()


async def test_endless_answer_is_cut_short() -> None:
    server = await asyncio.start_server(_flood, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = Http(total_timeout_s=5)
    answer = await http.request("POST", f"http://{place}/x", content=b"{}")
    assert (answer.status, len(answer.body)) == (200, 64 * 1024)
    await http.close()
    server.close()
