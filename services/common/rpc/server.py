"""A gRPC server on the loop that runs it, for handlers as generated code registers them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from services.common import logs
from services.common.rpc.call import Call
from services.common.rpc.connection import Connection

_log = logs.get(__name__)
_CLOSE_WITHIN_S = 1.0

Wrap = Callable[[str, Any], Any]
"""Puts something before a method's handler: its path and the handler in, a handler out."""


class Server:
    """Methods, and the connections over which they are called.

    A client may use any gRPC library. Messages are neither compressed nor encrypted: this serves
    processes of one mesh, which a cluster joins by mTLS of its own.
    """

    def __init__(self, wrap: Wrap) -> None:
        self.methods: dict[str, Method] = {}
        self.connections: set[Connection] = set()
        self._wrap = wrap
        self._listening: asyncio.Server | None = None
        self._idle = asyncio.Event()
        self._alone = asyncio.Event()
        self._stopping = False
        self.failed = 0
        """Calls that failed by a defect where no interceptor stands before."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Serve the methods of a service, as `add_…Servicer_to_server` asks."""
        for name, handler in handlers.items():
            path = f"/{service}/{name}"
            wrapped = self._wrap(path, handler)
            self.methods[path] = Method(self, path, wrapped.response_serializer, _behavior(wrapped))

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Do nothing: generated code registers the same methods by name as well."""

    async def start(self, listen: str) -> int:
        """Listen on `host:port`, and return the port.

        Raises:
            OSError: somebody else does.
            ValueError: the address is none.
        """
        host, _, digits = listen.rpartition(":")
        if not digits.isdigit():
            raise ValueError(f"{listen!r} is no address: host:port")
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), host.strip("[]") or None, int(digits), backlog=1_024
        )
        return int(self._listening.sockets[0].getsockname()[1])

    def ended(self, connection: Connection) -> None:
        """Hear that a call has ended."""
        if self._stopping:
            if not connection.calls:
                connection.close()
            self._look_whether_idle()

    def lost(self, connection: Connection) -> None:
        """Hear that a connection is gone."""
        self.connections.discard(connection)
        if self._stopping and not self.connections:
            self._alone.set()

    def _look_whether_idle(self) -> None:
        if not any(connection.calls for connection in self.connections):
            self._idle.set()

    async def stop(self, grace_s: float) -> None:
        """Take no more calls, let those under way finish, end the rest as UNAVAILABLE."""
        self._stopping = True
        if self._listening is not None:
            self._listening.close()
        for connection in list(self.connections):
            connection.say_goodbye()
            if not connection.calls:
                connection.close()
        self._look_whether_idle()
        await _within(grace_s, self._idle)
        tasks = [
            call.task
            for connection in self.connections
            for call in connection.calls.values()
            if call.task is not None
        ]
        for connection in list(self.connections):
            for call in list(connection.calls.values()):
                connection.finish(call, grpc.StatusCode.UNAVAILABLE, "the server stops")
            connection.close()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_WITHIN_S)
        if self.connections:
            await _within(_CLOSE_WITHIN_S, self._alone)
        for connection in self.connections:  # whoever does not read what is left for it
            connection.abort()


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@dataclass(frozen=True, slots=True)
class Method:
    """A method that can be called."""

    server: Server
    path: str
    encode: Callable[[Any], bytes] | None
    behave: Callable[[Call], Awaitable[None]]

    def serve(self, call: Call) -> None:
        """Serve a call in a task of its own, until its deadline."""
        call.task = asyncio.get_running_loop().create_task(self._serve(call))

    async def _serve(self, call: Call) -> None:
        remaining_s = call.time_remaining()
        timer: asyncio.TimerHandle | None = None
        if remaining_s is not None:
            timer = asyncio.get_running_loop().call_later(remaining_s, call.expire)
        try:
            await self.behave(call)
        except grpc.aio.AbortError:
            pass  # the call knows its status
        except asyncio.CancelledError:
            if not call.over:
                call.finish(grpc.StatusCode.CANCELLED, "the server gave it up")
            raise
        except Exception as error:
            # The process boundary for what no interceptor stands before: health, reflection.
            self.server.failed += 1
            _log.error("rpc failed", method=self.path, exc_info=error)
            call.finish(grpc.StatusCode.INTERNAL, "internal error, logged")
        finally:
            if timer is not None:
                timer.cancel()
        if not call.over:
            call.task = None  # it has come to its end: there is nothing to cancel
            call.finish(call.code, call.details)


async def _requests(call: Call, decode: Callable[[bytes], Any] | None) -> AsyncIterator[Any]:
    while (data := await call.read()) is not grpc.aio.EOF:
        yield decode(data) if decode else data


def _behavior(handler: Any) -> Callable[[Call], Awaitable[None]]:
    """What a handler of any of the four kinds does with a call."""
    decode = handler.request_deserializer
    if handler.request_streaming:
        behavior = handler.stream_stream if handler.response_streaming else handler.stream_unary
    else:
        behavior = handler.unary_stream if handler.response_streaming else handler.unary_unary

    async def request_of(call: Call) -> Any:
        if handler.request_streaming:
            return _requests(call, decode)
        data = await call.read()
        if data is grpc.aio.EOF:
            await call.abort(grpc.StatusCode.INTERNAL, "the call ended before its request")
        return decode(data) if decode else data

    async def one(call: Call) -> None:
        response = await behavior(await request_of(call), call)
        call.put(response)

    async def by_itself(call: Call) -> None:
        await behavior(await request_of(call), call)

    async def many(call: Call) -> None:
        async for response in behavior(await request_of(call), call):
            await call.write(response)

    if not handler.response_streaming:
        return one
    return many if inspect.isasyncgenfunction(behavior) else by_itself
