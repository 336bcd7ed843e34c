"""AT-54: no URL of a customer's makes a channel open a connection into a private network.

A canary listens where the URLs would lead; what counts is that nobody ever connects to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest

from services.common.guard import Guard
from services.common.http_client import Http
from services.intervention.channels.message import Message
from services.intervention.channels.slack import Slack
from services.intervention.channels.teams import Teams
from services.intervention.channels.verdict import Ending
from services.intervention.channels.webhook import Webhook
from services.intervention.clock import wall_ms
from services.intervention.sending.dispatcher import Sender

# PORT is the canary's. Each of these is 127.0.0.1, ::1 or "this host" to some resolver or parser.
LOOPBACK = (
    *("127.0.0.1", "127.0.1", "127.1", "127.0.0.1.", "127.000.000.001", "127.0.0.2"),
    *("2130706433", "0x7f000001", "0x7F000001", "017700000001", "00000000177.0.0.1"),
    *("0177.0.0.1", "0177.0.0.01", "0x7f.0.0.1", "0x7f.0x0.0x0.0x1", "0x7f.1", "0177.1"),
    *("0", "0.0.0.0", "00.00.00.00", "0x0", "0x0.0x0", "[::]", "[::0]", "[0:0:0:0:0:0:0:0]"),
    *("localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost.localdomain"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("[0:0:0:0:0:ffff:127.0.0.1]", "[::FFFF:127.0.0.1]", "[::ffff:0:127.0.0.1]"),
    *("[::127.0.0.1]", "[::7f00:1]", "[::ffff:0.0.0.0]", "[64:ff9b::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]"),
    *("[2001:0:7f00:1::]", "[::1%25lo]", "[fe80::1%25lo]", "127.0.0.1%00.example"),
    *("\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127\u30020\u30020\u30021", "127.0.0.1%2f"),
    *("user@127.0.0.1", "93.184.215.14@127.0.0.1", "user:pass@127.0.0.1", "@127.0.0.1"),
    *("127.0.0.1\\@93.184.215.14", " 127.0.0.1", "127.0.0.1\t", "127.0.0.1\r\n", "127.0.0.1\x00"),
)  # fmt: skip
FORMS = [f"{scheme}://{host}:PORT/x" for host in LOOPBACK for scheme in ("https", "http")] + [
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "https:127.0.0.1:PORT/",
    "https:///127.0.0.1:PORT/",
    "https:\\\\127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_x",
    "file://127.0.0.1:PORT/etc/passwd",
    "HTTPS://127.0.0.1:PORT/",
    "https://127.0.0.1:PORT#@93.184.215.14/",
    "https://127.0.0.1:PORT?@93.184.215.14/",
]


@dataclass
class Canary:
    """A listener on every address of this machine that a form may lead to."""

    port: int
    connections: int = 0


@pytest.fixture
async def canary() -> AsyncGenerator[Canary, None]:
    made = Canary(0)

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        writer.close()

    server = await asyncio.start_server(note, "0.0.0.0", 0)
    made.port = server.sockets[0].getsockname()[1]
    servers = [server]
    if socket.has_ipv6:
        with contextlib.suppress(OSError):  # a machine without IPv6 leads nobody to ::1
            servers.append(await asyncio.start_server(note, "::1", made.port))
    yield made
    for one in servers:
        one.close()


@pytest.fixture
async def http() -> AsyncGenerator[Http, None]:
    made = Http(total_timeout_s=2.0)
    yield made
    await made.close()


def message(url: str) -> Message:
    """A message to a customer's URL."""
    return Message(
        id="m" * 32, tenant_id="t1", session_id="s1", decision_id="d" * 32, channel="webhook",
        endpoint_hash="h", address=url, secret="whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        body="{}", attempts=1, uncertain=False, created_at_ms=0, expires_at_ms=0,
    )  # fmt: skip


def senders(http: Http, guard: Guard) -> list[Sender]:
    """Every channel whose address is a URL."""
    return [Webhook(http, guard, wall_ms), Slack(http, guard), Teams(http, guard)]


def test_there_are_enough_forms() -> None:
    assert len(LOOPBACK) >= 60
    assert len(set(FORMS)) == len(FORMS)


@pytest.mark.parametrize("form", FORMS, ids=ascii)
async def test_no_form_reaches_the_canary(canary: Canary, http: Http, form: str) -> None:
    url = form.replace("PORT", str(canary.port))
    for sender in senders(http, Guard()):
        verdict = await sender.deliver(message(url))
        # Some forms are no name to some resolvers: not sent either way.
        assert verdict.ending in (Ending.DROP, Ending.RETRY), verdict
        assert verdict.detail.startswith(("refused_url:", "no_connection:")), verdict
    assert canary.connections == 0


async def test_the_canary_sings(canary: Canary, http: Http) -> None:
    guard = Guard((f"127.0.0.1:{canary.port}",))
    for sender in senders(http, guard):
        await sender.deliver(message(f"http://127.0.0.1:{canary.port}/x"))
    assert canary.connections == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(canary: Canary, http: Http, status: int) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {status} Go\r\nlocation: http://127.0.0.1:{canary.port}/\r\n"
            "content-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for sender in senders(http, Guard((place,))):
        verdict = await sender.deliver(message(f"http://{place}/x"))
        assert verdict.ending in (Ending.DROP, Ending.RETRY)
    server.close()
    assert canary.connections == 0


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let names resolve to these addresses, one answer after another; notes who was asked for."""
    loop, asked = asyncio.get_running_loop(), list[str]()
    real = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **more: Any) -> Any:
        if host != "rebind.example":
            return await real(host, port, **more)
        asked.append(host)
        chosen = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in chosen]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_name_that_changes_its_mind_is_called_where_it_was_checked(
    canary: Canary, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 Ok\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.3", 0)
    port = server.sockets[0].getsockname()[1]
    asked = resolving(monkeypatch, ["127.0.0.3"], ["169.254.169.254"])
    url = f"http://rebind.example:{port}/x"
    verdict = await Webhook(http, Guard((f"rebind.example:{port}",)), wall_ms).deliver(message(url))
    assert verdict.ending is Ending.DELIVERED
    assert asked == ["rebind.example"], "asked once: nobody can answer otherwise the second time"
    assert f"host: rebind.example:{port}".encode() in reached[0].lower()
    server.close()


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]
)
async def test_a_name_that_leads_inside_is_refused(
    canary: Canary, http: Http, monkeypatch: pytest.MonkeyPatch, answer: list[str]
) -> None:
    resolving(monkeypatch, answer)
    for sender in senders(http, Guard()):
        verdict = await sender.deliver(message(f"https://rebind.example:{canary.port}/x"))
        assert verdict.ending is Ending.DROP
        assert verdict.detail.startswith("refused_url:")
    assert canary.connections == 0
