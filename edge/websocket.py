"""The WebSocket shell: frames from the socket into a session, its effects back out."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from edge import protocol
from edge import session as core
from edge.worker import Worker
from services.common import logs

_log = logs.get(__name__)
_HELLO_WITHIN_S = 5.0
_IDLE_S = 30 * 60.0
_MAX_UNSENT_BYTES = 256 * 1024


class Connection:
    """One socket. The hub and the log writer talk to it; it talks to its session."""

    def __init__(self, worker: Worker, socket: ServerConnection, session: core.Session) -> None:
        self._worker = worker
        self._socket = socket
        self._session = session
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._unsent = 0
        self._closing: tuple[int, str] | None = None

    @property
    def stream(self) -> str:
        """The page instance."""
        return self._session.stream

    @property
    def key(self) -> str:
        """The publishable key it was admitted with."""
        return self._session.key

    @property
    def interventions_allowed(self) -> bool:
        """Whether the visitor wants help in the page."""
        return self._session.interventions_allowed

    @property
    def offset_ms(self) -> float:
        """Server clock minus client clock."""
        return self._session.offset_ms

    def acknowledged(self, seq: int) -> None:
        """Tell the client that everything up to `seq` is in the log."""
        self.send(protocol.ack(seq))

    def send(self, text: str) -> None:
        """Queue a frame; a client that does not read is cut off."""
        self._unsent += len(text)
        if self._unsent > _MAX_UNSENT_BYTES:
            self.close(protocol.Close.TRY_LATER, "not reading")
            return
        self._outbox.put_nowait(text)

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued."""
        if self._closing is None:
            self._closing = (code, reason)
            self._worker.closed[str(code)] += 1
            self._outbox.put_nowait(None)

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        sender = asyncio.create_task(self._send_loop())
        try:
            await self._receive_loop()
        except ConnectionClosed:
            pass
        finally:
            self._leave()
            if self._closing is None:
                self.close(1000, "")
            await sender

    async def _receive_loop(self) -> None:
        timeout_s = _HELLO_WITHIN_S
        while self._closing is None:
            try:
                async with asyncio.timeout(timeout_s):
                    data = await self._socket.recv()
            except TimeoutError:
                self.close(protocol.Close.TIMEOUT, "nothing heard")
                return
            await self._carry_out(self._session.receive(data, time.time() * 1000))
            if self._session.state is core.State.OPEN:
                timeout_s = _IDLE_S
            if self._worker.writer.full:
                # Back-pressure: while the log is away this socket is not read.
                self.send(
                    protocol.frame("error", code="slow", message="slow", retry_after_ms=1_000)
                )
                await self._worker.writer.room()

    async def _carry_out(self, effects: list[core.Effect]) -> None:
        for effect in effects:
            match effect:
                case core.Accept():
                    self._worker.accept(self._session, effect)
                case core.Send(text):
                    self.send(text)
                case core.Visible(visible):
                    self._show(visible)
                case core.Admit():
                    await self._carry_out(await self._worker.admit(self._session, effect))
                case core.Welcomed(tenant, session):
                    self._join(tenant, session)
                case core.Hang(code, reason):
                    self.close(code, reason)

    def _join(self, tenant: str, session: str) -> None:
        live = self._worker.hub.join(tenant, session, self, time.time() * 1000)
        self._session.record.connection = self
        self._worker.presence.changed(live)
        self._worker.welcome(live)

    def _show(self, visible: bool) -> None:
        live = self._worker.hub.find(self._session.tenant, self._session.session)
        if live is not None:
            live.visible_at_ms[self.stream] = time.time() * 1000 if visible else 0.0
            self._worker.presence.changed(live)

    def _leave(self) -> None:
        session = self._session
        self._worker.absorb(session)
        if session.record.connection is self:
            session.record.connection = None
        if session.tenant and self._worker.hub.leave(session.tenant, session.session, self):
            self._worker.presence.gone(session.tenant, session.session, session.stream)
            self._worker.departed(session, self._closing[0] if self._closing else None)

    async def _send_loop(self) -> None:
        try:
            while (text := await self._outbox.get()) is not None:
                await self._socket.send(text)
                self._unsent -= len(text)
            code, reason = self._closing or (1000, "")
            await self._socket.close(code, reason)
        except ConnectionClosed:
            pass


def _refuse(connection: ServerConnection, status: HTTPStatus, text: str) -> Response:
    return connection.respond(status, text + "\n")


async def listen(worker: Worker) -> Server:
    """Listen for WebSockets; the same port answers GET /healthz."""

    def process_request(connection: ServerConnection, request: Request) -> Response | None:
        if request.path in ("/healthz", "/readyz"):
            status = HTTPStatus.SERVICE_UNAVAILABLE if worker.draining else HTTPStatus.OK
            return _refuse(connection, status, "draining" if worker.draining else "ok")
        if worker.draining:
            return _refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, "draining, try again")
        if request.headers.get("Sec-GPC", "").strip() == "1":
            return _refuse(connection, HTTPStatus.FORBIDDEN, "Global Privacy Control is set")
        if protocol.SUBPROTOCOL not in request.headers.get("Sec-WebSocket-Protocol", ""):
            return _refuse(connection, HTTPStatus.BAD_REQUEST, "ask for sentientiq.v1")
        return None

    async def handle(socket: ServerConnection) -> None:
        origin = socket.request.headers.get("Origin") if socket.request else None
        worker.counters["connections"] += 1
        await Connection(worker, socket, worker.new_session(origin)).run()

    host, _, port = worker.settings.ws_listen.rpartition(":")
    options: dict[str, Any] = {
        "subprotocols": [Subprotocol(protocol.SUBPROTOCOL)],
        "compression": None,
        "max_size": protocol.MAX_FRAME_BYTES,
        "max_queue": 8,
        "write_limit": 32 * 1024,
        "ping_interval": 20,
        "ping_timeout": 20,
        "close_timeout": 2,
        "server_header": None,
    }
    return await serve(handle, host, int(port), process_request=process_request, **options)
