"""An HTTP server inside a process that has its own loop and signals: uvicorn without its own.

A client that dribbles holds a connection for ever with uvicorn alone; here the head of a request
and its body must each be there within 10 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator, Mapping
from typing import Any

import h11
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_WITHIN_S = 10.0
BODY_WITHIN_S = 10.0
CLOSE = {"connection": "close"}
"""Headers of an answer that does not wait for the rest of the body."""


class BadBody(Exception):
    """A body that is too large, too slow or cut off; `status` answers it, with `CLOSE`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The raw body.

    Raises:
        BadBody: it is over `max_bytes`, does not come within 10 s, or ends early.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise BadBody(413, f"the body is larger than {max_bytes >> 10} KiB")
    except TimeoutError:
        raise BadBody(408, f"the body did not come within {BODY_WITHIN_S:.0f} s") from None
    except ClientDisconnect as error:
        raise BadBody(400, "the body ended early") from error
    return bytes(body)


class _Impatient(H11Protocol):
    """Closes a connection whose next request line and headers do not come."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        # As uvicorn's, which leaves the server's headers out.
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # SIGTERM belongs to services.common.process, which drains everything in order.
        yield


def _bind(listen: str) -> socket.socket:
    host, _, digits = listen.rpartition(":")
    host, port = host.strip("[]"), int(digits)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(f"cannot listen on {listen}: is another mesh running?") from error
    return sock


class HttpServer:
    """Serves one ASGI application; port 0 picks a free one."""

    def __init__(
        self,
        app: ASGIApp,
        listen: str,
        *,
        grace_s: int = 3,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` go with every answer, those to what is no request too."""
        self._socket = _bind(listen)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_Impatient,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            # A peer is whoever is at the other end; whom else to believe, only its process knows.
            proxy_headers=False,
            timeout_graceful_shutdown=grace_s,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls,
            headers=list((headers or {}).items()),
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections; returns once it does."""
        self._task = asyncio.create_task(self._server.serve([self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError("the HTTP server ended while starting")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop accepting, let requests finish, close."""
        if self._task is None:
            self._socket.close()
            return
        self._server.should_exit = True
        await self._task
