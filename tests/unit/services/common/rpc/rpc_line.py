"""A server of ours with methods of each kind, and what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from services.common.rpc.server import Server

SERVICE = "test.v1.Echo"


class Echo:
    """Methods that show how a call goes."""

    def __init__(self) -> None:
        self.hanging = 0
        self.cancelled = 0
        self.metadata: dict[str, str] = {}
        self.remaining: float | None = None
        self.go_on = asyncio.Event()
        self.read = 0

    async def One(self, request: bytes, context: Any) -> bytes:
        """Answer with the request."""
        self.metadata = dict(context.invocation_metadata())
        self.remaining = context.time_remaining()
        return request

    async def Gather(self, requests: AsyncIterator[bytes], context: Any) -> bytes:
        """Answer with all requests."""
        return b"|".join([request async for request in requests])

    async def Spread(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Answer with as many messages as the request says, of the size that it says."""
        count, size = map(int, request.split())
        for number in range(count):
            yield bytes([number % 256]) * size

    async def Both(self, requests: Any, context: Any) -> None:
        """Answer each request at once, reading and writing by itself."""
        await context.send_initial_metadata(())
        while (request := await context.read()) is not grpc.aio.EOF:
            self.read += 1
            await context.write(request)

    async def Slow(self, requests: Any, context: Any) -> None:
        """Read nothing until it may."""
        await self.go_on.wait()
        await self.Both(requests, context)

    async def Hang(self, request: bytes, context: Any) -> bytes:
        """Answer never."""
        self.hanging += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b""

    async def Refuse(self, request: bytes, context: Any) -> bytes:
        """End with a status."""
        await context.abort(grpc.StatusCode.NOT_FOUND, "no “such” thing: 100 %\n")
        return b""

    async def Break(self, request: bytes, context: Any) -> bytes:
        """Fail by a defect."""
        raise RuntimeError("secret")


def handlers(echo: Echo) -> dict[str, Any]:
    """Its methods, as generated code makes them."""
    unary = ("One", "Hang", "Refuse", "Break")
    found: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(getattr(echo, name)) for name in unary
    }
    found["Gather"] = grpc.stream_unary_rpc_method_handler(echo.Gather)
    found["Spread"] = grpc.unary_stream_rpc_method_handler(echo.Spread)
    found["Both"] = grpc.stream_stream_rpc_method_handler(echo.Both)
    found["Slow"] = grpc.stream_stream_rpc_method_handler(echo.Slow)
    return found


def as_it_is(path: str, handler: Any) -> Any:
    """No interceptor."""
    return handler


@asynccontextmanager
async def served(grace_s: float = 0.0) -> AsyncGenerator[tuple[Echo, Server, str]]:
    """The methods, their server, and its address."""
    echo, server = Echo(), Server(as_it_is)
    server.add_registered_method_handlers(SERVICE, handlers(echo))
    port = await server.start("127.0.0.1:0")
    try:
        yield echo, server, f"127.0.0.1:{port}"
    finally:
        await server.stop(grace_s)


def method(name: str) -> str:
    """The path of a method."""
    return f"/{SERVICE}/{name}"


class Pushing:
    """Sends megabytes as fast as they are taken."""

    def __init__(self, call: Any, count: int) -> None:
        self.sent = 0
        self._call = call
        self._count = count
        self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        for _ in range(self._count):
            await self._call.write(bytes(1 << 20))
            self.sent += 1

    async def all_come_back(self) -> None:
        """Read as much as is sent."""
        for _ in range(self._count):
            assert len(await self._call.read()) == 1 << 20
        await self._task


async def settled(count: Callable[[], int]) -> int:
    """Wait until a count stays as it is, and return it."""
    before, now = -1, count()
    while now != before:
        await asyncio.sleep(0.3)
        before, now = now, count()
    return now
