"""A worker whose mesh is not there, behind a real socket; what tests of the shells share."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from edge import session as core
from edge.effects import Accept, Admit, Effect
from edge.headers import security_headers
from edge.http import application
from edge.hub import Hub
from edge.limits import Limits
from edge.listener import Listener, listen
from edge.pacing import Pacing
from edge.sdk import Sdk
from edge.settings import Settings
from edge.sockets import Sockets
from edge.sources import Sources
from edge.streams import StreamMemory
from services.common.http import HttpServer
from tests.unit.edge.session_client import GRANT, NOW, RESUME

GRANTS = {"pk": GRANT, "pk-of-another": replace(GRANT, tenant="another")}


class Writer:
    """A log that takes everything at once, unless it is full."""

    def __init__(self) -> None:
        self.full = False
        self.well = True
        self.pacing = Pacing()
        self._room = asyncio.Event()

    async def room(self) -> None:
        await self._room.wait()

    async def flushed(self) -> None:
        """What was put is there."""

    def make_room(self) -> None:
        self.full = False
        self._room.set()


class Nobody:
    """Whoever else a worker tells things."""

    def __getattr__(self, name: str) -> Any:
        def ignore(*_: Any, **__: Any) -> None:
            """Listen to nothing."""

        return ignore


class Mesh:
    """A worker whose mesh is not there: keys are known, what is accepted is acknowledged."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(
            mesh_secret="s", state_url="", log_url="", ws_listen="127.0.0.1:0", **settings
        )
        self.limits = Limits(self.settings)
        self.sources = Sources(self.settings.trusted_proxies)
        self.sockets = Sockets()
        self.counters: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.draining = False
        self.hub = Hub()
        self.presence = Nobody()
        self.writer = Writer()
        self.accepted: list[Accept] = []
        self.departures: list[int | None] = []
        self._memory = StreamMemory()

    def new_session(self, origin: str | None) -> core.Session:
        return core.Session(
            memory=self._memory, resume=RESUME, sealer=cast("Any", None), origin=origin
        )

    async def admit(self, session: core.Session, admit: Admit) -> list[Effect]:
        await asyncio.sleep(0)
        return session.admit(admit.hello, GRANTS[admit.hello.key], NOW)

    def accept(self, session: core.Session, accept: Accept) -> None:
        self.accepted.append(accept)
        session.record.appended(accept.seq)

    def welcome(self, live: Any, stream: str) -> None:
        """Nothing waits for anybody."""

    def departed(self, session: core.Session, code: int | None) -> None:
        self.departures.append(code)


class Edge:
    """The mesh and where it listens."""

    def __init__(self, mesh: Mesh, listener: Listener) -> None:
        self.mesh = mesh
        self.port = listener.port
        self.pages: list[ClientConnection] = []

    async def connect(self, **headers: str) -> ClientConnection:
        """Connect without a word."""
        page = await connect(
            f"ws://127.0.0.1:{self.port}",
            subprotocols=[Subprotocol("sentientiq.v1")],
            origin=cast("Any", "https://shop.example"),
            compression=None,
            additional_headers=headers,
        )
        self.pages.append(page)
        return page

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect without a library: the handshake is over, what follows is frames."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: sentientiq.v1\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    async def page(self, key: str = "pk") -> ClientConnection:
        """Connect and be welcomed."""
        page = await self.connect()
        await page.send(hello(key))
        assert json.loads(await page.recv())["type"] == "welcome"
        return page


def hello(key: str = "pk", **more: Any) -> str:
    return json.dumps({"type": "hello", "key": key, "stream": "p1", "clock": NOW, **more})


HELLO = hello()


def clicks(seq: int, **more: Any) -> str:
    frame = {"type": "events", "seq": seq, "t0": NOW, "events": [[3, 0, 1, 2, 0]], **more}
    return json.dumps(frame)


def batch(key: str = "pk", frames: int = 0) -> str:
    """The body of /v1/batch with so many frames."""
    messages = ",".join(clicks(seq) for seq in range(1, frames + 1))
    return f'{{"hello": {hello(key)}, "messages": [{messages}]}}'


@asynccontextmanager
async def running_edge(tls: ssl.SSLContext | None = None, **settings: Any) -> AsyncGenerator[Edge]:
    """An edge with these settings; its pages are torn down with it."""
    mesh = Mesh(**settings)
    listener = await listen(cast("Any", mesh), tls)
    looking = asyncio.create_task(mesh.sockets.look_after())
    edge = Edge(mesh, listener)
    try:
        yield edge
    finally:
        for page in edge.pages:
            page.transport.abort()
            await page.wait_closed()
        looking.cancel()
        listener.close()
        mesh.sockets.abort()


async def closed_with(page: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await page.wait_closed()
    return page.close_code


async def acked(page: ClientConnection) -> int:
    async with asyncio.timeout(5):
        while (frame := json.loads(await page.recv()))["type"] != "ack":
            pass
    return int(frame["seq"])


@asynccontextmanager
async def http(edge: Edge, sdk: Sdk | None = None) -> AsyncGenerator[httpx.AsyncClient]:
    """The edge's HTTP port, as `python -m edge` opens it."""
    server = HttpServer(
        application(cast("Any", edge.mesh), sdk),
        "127.0.0.1:0",
        headers=security_headers(edge.mesh.settings),
        grace_s=1,
    )
    await server.start()
    origin = {"Origin": "https://shop.example"}
    try:
        base_url = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=base_url, headers=origin) as ask:
            yield ask
    finally:
        await server.stop()
