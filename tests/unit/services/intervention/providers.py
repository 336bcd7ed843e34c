"""All channels against the sandbox, a real SMTP server, and a server that resets connections."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP

from services.common.guard import Guard
from services.common.http import HttpServer
from services.common.http_client import Http
from services.common.smtp import MailServer
from services.intervention.answering.unsubscribing import Unsubscribing
from services.intervention.channels.mail import Mail
from services.intervention.channels.message import Message
from services.intervention.channels.pagerduty import PagerDuty
from services.intervention.channels.slack import Slack
from services.intervention.channels.teams import Teams
from services.intervention.channels.twilio import Account, Twilio
from services.intervention.channels.webhook import Webhook
from services.intervention.clock import wall_ms
from services.intervention.sending.dispatcher import Sender
from services.sandbox.app import build_app
from services.sandbox.callbacks import Callbacks
from services.sandbox.faults import Faults
from services.sandbox.inbox import Inbox

TIMEOUT_S = 1.0
SENDER = "SentientIQ <help@siq.test>"
ROUTING_KEY = "R" * 32
UNSUBSCRIBING = Unsubscribing("test-mesh-secret", public_url="https://help.siq.test")
_BODIES = {
    "twilio": "Hello",
    "slack": '{"text": "Hello"}',
    "webhook": '{"type": "x"}',
    "teams": json.dumps(
        {"type": "message", "attachments": [{"content": {"body": [{"text": "Hello"}]}}]}
    ),
    "pagerduty": json.dumps(
        {
            "event_action": "trigger",
            "dedup_key": "siq:t1:d",
            "payload": {"summary": "Hello", "source": "/", "severity": "critical"},
        }
    ),
    "email": json.dumps({"subject": "Hello", "text": "Hello there", "html": "<p>Hello there</p>"}),
}


class MailBox:
    """What the SMTP server took, and what it says to the next commands."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.rcpt: list[str] = []
        """Replies to RCPT, used up one by one."""
        self.data: list[str] = []
        """Replies to the end of DATA; "cut" takes the mail and breaks the connection."""
        self.wait = asyncio.Event()
        self.wait.set()

    async def handle_RCPT(
        self, server: SMTP, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Say what is due, else yes."""
        reply = self.rcpt.pop(0) if self.rcpt else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:
        """Take the mail, unless something else is due."""
        await self.wait.wait()
        reply = self.data.pop(0) if self.data else "250 OK"
        if reply in ("250 OK", "cut"):
            letter: Any = message_from_bytes(envelope.content, policy=default)
            self.letters.append(letter)
        if reply == "cut":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a little and reset the connection."""
    await reader.read(16)
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@dataclass
class Providers:
    """Everything that a test of a fault needs."""

    base: str
    inbox: Inbox
    faults: Faults
    box: MailBox
    senders: dict[str, Sender]
    broken: dict[str, dict[str, Sender]] = field(default_factory=dict[str, dict[str, Sender]])
    """By fault ("refused", "reset"): channels whose provider is like that."""
    places: dict[str, str] = field(default_factory=dict[str, str])

    def message(self, provider: str, base: str = "", **more: Any) -> Message:
        """A message to the provider, fit to be sent."""
        address = {
            "twilio": "+15551234567",
            "pagerduty": ROUTING_KEY,
            "email": "robin@acme.example",
        }.get(provider, f"{base or self.base}/{provider}/x")
        message = Message(
            id="m" * 32,
            tenant_id="t1",
            session_id="s1",
            decision_id="d" * 32,
            channel=provider,
            endpoint_hash="h",
            address=address,
            secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            body=_BODIES[provider],
            attempts=1,
            uncertain=False,
            created_at_ms=1_790_000_000_000,
            expires_at_ms=1_790_000_060_000,
        )
        return replace(message, **more)

    def received(self, provider: str) -> int:
        """How many messages arrived."""
        if provider == "email":
            return len(self.box.letters)
        return len(self.inbox.list(provider=provider))


def _senders(http: Http, guard: Guard, base: str, mail: tuple[str, int]) -> dict[str, Sender]:
    account = Account(base, "ACtest", "token", "+15005550006")
    server = MailServer(*mail, tls=False, user="", password="", sender=SENDER)
    return {
        "twilio": Twilio(http, account, callback_url=f"{base}/nowhere"),
        "slack": Slack(http, guard),
        "webhook": Webhook(http, guard, wall_ms),
        "teams": Teams(http, guard),
        "pagerduty": PagerDuty(http, base_url=base),
        "email": Mail(server, UNSUBSCRIBING, timeout_s=TIMEOUT_S),
    }


@asynccontextmanager
async def providers() -> AsyncGenerator[Providers, None]:
    """The sandbox and the others on ports of their own."""
    loop = asyncio.get_running_loop()
    inbox, faults, callbacks, box = Inbox(), Faults(), Callbacks(), MailBox()
    server = HttpServer(build_app(inbox, faults, callbacks), "127.0.0.1:0", grace_s=1)
    await server.start()
    resetting = await asyncio.start_server(_reset, "127.0.0.1", 0)
    mail = await loop.create_server(
        lambda: SMTP(box, hostname="mx.test", loop=loop), "127.0.0.1", 0
    )
    ports = {
        "": server.port,
        "reset": resetting.sockets[0].getsockname()[1],
        "refused": 1,
        "mail": mail.sockets[0].getsockname()[1],
    }
    guard = Guard(tuple(f"127.0.0.1:{port}" for port in ports.values()))
    http = Http(total_timeout_s=TIMEOUT_S)
    bases = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    made = Providers(
        bases[""], inbox, faults, box,
        _senders(http, guard, bases[""], ("127.0.0.1", ports["mail"])),
        {
            name: _senders(http, guard, bases[name], ("127.0.0.1", ports[name]))
            for name in ("reset", "refused")
        },
        bases,
    )  # fmt: skip
    try:
        yield made
    finally:
        box.wait.set()
        await http.close()
        await server.stop()
        await callbacks.close()
        for one in (resetting, mail):
            one.close()
