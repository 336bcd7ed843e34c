"""The demo shop and an edge for it, on one loopback port: what the SDK sends is kept as recordings.

The edge is its session core (edge/session.py); instead of a log, lines as `sentientiq detect` reads
them. What the SDK says of `navigator.webdriver` is not looked at, here as anywhere.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sentientiq.behavior.v1.types_pb2 import BehaviorBatch
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.typing import Subprotocol

from edge import protocol
from edge.effects import Accept, Admit, Hang, Send
from edge.seal import Sealer
from edge.session import Session
from edge.streams import StreamMemory
from edge.tenants import Grant
from edge.tokens import ResumeTokens
from hotpath.columns import to_wire
from hotpath.fields import POINTERS
from hotpath.recording import line_of_event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request

    from edge.effects import Effect

SDK: Final = Path(__file__).parents[2] / "sdk"
FILES: Final = {
    "/": (SDK / "demo" / "index.html", "text/html; charset=utf-8"),
    "/shop.css": (SDK / "demo" / "shop.css", "text/css"),
    "/shop.js": (SDK / "demo" / "shop.js", "text/javascript"),
    "/sentientiq.js": (SDK / "js" / "dist" / "sentientiq.js", "text/javascript"),
    "/sentientiq-more.js": (SDK / "js" / "dist" / "sentientiq-more.js", "text/javascript"),
}
GRANT: Final = Grant("bots", ("*",), {"coalesce_ms": 250, "sampling": 1}, emotions_to_page=False)


def lines_of(batch: BehaviorBatch, session: str) -> list[bytes]:
    """Return a batch as lines of a recording."""
    targets = [(target.descriptor, target.flags) for target in batch.targets]
    known = dict(enumerate(targets, 1))
    lines: list[bytes] = []
    t = batch.t0_ms
    for event in to_wire(batch.columns, targets, list(batch.strings)):
        t += int(str(event[1]))
        place = {"session": session, "t": t, "ptr": POINTERS[batch.pointer]}
        if batch.page:
            place["page"] = batch.page
        lines.append(json.dumps({**place, **line_of_event(event, known)}).encode() + b"\n")
    return lines


class Shop:
    """Serves the shop, and takes what its visitors do."""

    def __init__(self) -> None:
        self.url = ""
        self.lines: dict[str, list[bytes]] = defaultdict(list)
        """What was recorded, by the name of the visit."""
        self.pages: dict[str, str] = {}
        """More pages, by path."""
        self.refused: list[str] = []
        """Why a frame or a connection was not taken; nothing should be."""
        self._news = asyncio.Condition()
        self._memory = StreamMemory()
        self._resume = ResumeTokens("bots")

    def config(self, name: str) -> str:
        """Return the shop's demo.json for one visit: its name is the path of its WebSocket."""
        endpoint = self.url.replace("http", "ws", 1) + "/" + name
        return json.dumps({"key": "pk_bots", "endpoint": endpoint, "httpEndpoint": self.url,
                           "sandbox": "/none", "user": {}})  # fmt: skip

    def page(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP; a WebSocket goes on."""
        if "Upgrade" in request.headers:
            return None
        found = FILES.get(request.path)
        if request.path in self.pages:
            body, kind = self.pages[request.path].encode(), "text/html; charset=utf-8"
        elif found is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "not here\n")
        else:
            body, kind = found[0].read_bytes(), found[1]
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        return Response(200, "OK", Headers({**headers, "Connection": "close"}), body)

    async def visit(self, socket: ServerConnection) -> None:
        """Serve one connection of the SDK."""
        request = socket.request
        name = request.path.lstrip("/") if request else ""
        session = Session(
            memory=self._memory, resume=self._resume, sealer=Sealer(), origin=None
        )  # fmt: skip
        try:
            async for data in socket:
                now_ms = time.time() * 1000
                for effect in self._effects(session, session.receive(data, now_ms), now_ms):
                    await self._carry_out(socket, session, name, effect)
        except ConnectionClosed:
            pass  # a page that is gone; what it sent is here

    @staticmethod
    def _effects(session: Session, effects: list[Effect], now_ms: float) -> list[Effect]:
        admitted = [e for effect in effects if isinstance(effect, Admit)
                    for e in session.admit(effect.hello, GRANT, now_ms)]  # fmt: skip
        return [*effects, *admitted]

    async def _carry_out(
        self, socket: ServerConnection, session: Session, name: str, effect: Effect
    ) -> None:
        match effect:
            case Accept(message=None, value=value, seq=seq):
                self.lines[name] += lines_of(BehaviorBatch.FromString(value), name)
                async with self._news:
                    self._news.notify_all()
                session.record.appended(seq)
                await socket.send(protocol.ack(seq))
            case Send(text):
                if json.loads(text)["type"] == "error":
                    self.refused.append(text)
                await socket.send(text)
            case Hang(code, reason):
                if code != 1000:
                    self.refused.append(reason)
                await socket.close(code, reason)
            case _:
                pass

    async def heard(self, name: str, kind: bytes) -> None:
        """Wait until an event of this kind has come from a visit.

        Raises:
            TimeoutError: none has within 10 s.
        """
        async with asyncio.timeout(10):
            async with self._news:
                await self._news.wait_for(lambda: any(kind in line for line in self.lines[name]))


@asynccontextmanager
async def open_shop() -> AsyncGenerator[Shop]:
    """Run a shop on a free port of the loopback interface."""
    shop = Shop()
    async with serve(
        shop.visit, "127.0.0.1", 0, process_request=shop.page,
        subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
        max_size=protocol.MAX_FRAME_BYTES, server_header=None,
    ) as server:  # fmt: skip
        port = next(iter(server.sockets)).getsockname()[1]
        shop.url = f"http://127.0.0.1:{port}"
        yield shop
