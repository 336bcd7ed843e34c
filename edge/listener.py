"""Listens for WebSockets; the same port answers GET /healthz and /readyz."""

from __future__ import annotations

import asyncio
import ssl

from edge.websocket import WebSocket
from edge.worker import Worker

_BACKLOG = 4_096
_TLS_WITHIN_S = 5.0


class Listener:
    """The listening socket of a worker."""

    def __init__(self, worker: Worker, server: asyncio.Server) -> None:
        self._worker = worker
        self._server = server

    @property
    def port(self) -> int:
        """Where it listens: its own choice, where the settings say 0."""
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Take no new connections; those that are open stay."""
        self._server.close()

    async def wait_closed(self) -> None:
        """Wait until every connection is gone."""
        await self._worker.sockets.all_gone()


async def listen(worker: Worker, tls: ssl.SSLContext | None = None) -> Listener:
    """Listen where the worker's settings say."""
    host, _, port = worker.settings.ws_listen.rpartition(":")
    server = await asyncio.get_running_loop().create_server(
        lambda: WebSocket(worker),
        host.strip("[]"),
        int(port),
        backlog=_BACKLOG,
        reuse_port=worker.settings.share_ws_port or None,
        ssl=tls,
        ssl_handshake_timeout=_TLS_WITHIN_S if tls else None,
    )
    return Listener(worker, server)
