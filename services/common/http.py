"""An HTTP server inside a process that has its own loop and signals: uvicorn without its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp


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

    def __init__(self, app: ASGIApp, listen: str, *, grace_s: int = 3) -> None:
        self._socket = _bind(listen)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=grace_s,
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
