"""A very small HTTP/1.1 client: one kept connection, as a phone's browser has one.

The judge shares the machine with what it judges; a general client costs several milliseconds of
CPU a request, more than the service that answers it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import h11

_READ = 64 * 1024


class HttpError(Exception):
    """The answer is no success, or none."""


class Connection:
    """One connection to one server. Use as an async context manager."""

    def __init__(self, base: str, timeout_s: float) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._timeout_s = timeout_s
        self._protocol = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            HttpError: nobody answers.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            raise HttpError(f"{self._host}:{self._port} does not answer: {error}") from error
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Send a request, with a JSON body where given, and return the body of the answer.

        Raises:
            HttpError: the status is not 2xx, or the answer did not come.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._send(method, path, body)
                return b"".join([chunk async for chunk in self._answer(f"{method} {path}")])
        except (OSError, TimeoutError) as error:
            raise HttpError(f"{method} {path}: {type(error).__name__} {error}") from error
        finally:
            if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
                self._protocol.start_next_cycle()

    async def lines(self, path: str) -> AsyncGenerator[str]:
        """Follow a stream line by line, until the server ends it."""
        await self._send("GET", path, None)
        rest = b""
        async for chunk in self._answer(f"GET {path}"):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.decode()

    async def _send(self, method: str, path: str, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        headers = [
            ("Host", f"{self._host}:{self._port}"),
            ("Accept", "*/*"),
            *([] if method == "GET" else [("Content-Length", str(len(content)))]),
            *([("Content-Type", "application/json")] if content else []),
        ]
        request = self._protocol.send(h11.Request(method=method, target=path, headers=headers))
        data = self._protocol.send(h11.Data(data=content)) if content else b""
        end = self._protocol.send(h11.EndOfMessage())
        self._writer.write((request or b"") + (data or b"") + (end or b""))
        await self._writer.drain()

    async def _answer(self, what: str) -> AsyncGenerator[bytes]:
        status = 0
        while True:
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                raise HttpError(f"{what}: the connection was closed, or is none: {error}") from None
            if event is h11.NEED_DATA:
                self._protocol.receive_data(await self._reader.read(_READ))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                if not 200 <= status < 300:
                    raise HttpError(f"{what}: {status} {bytes(event.data[:200])!r}")
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if not 200 <= status < 300:
                    raise HttpError(f"{what}: {status}")
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise HttpError(f"{what}: the connection was closed")
