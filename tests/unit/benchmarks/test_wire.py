"""The generator's own HTTP/2 beside a real gRPC server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import grpc.aio

from benchmarks.decide.wire import Calls

METHOD = "/test.Echo/Echo"
_AT_ONCE = 200
"""Of more than 1,000 that wait, a gRPC server turns some away."""


class _Echo(grpc.GenericRpcHandler):
    def __init__(self) -> None:
        self.metadata: list[dict[Any, Any]] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Answer with the request, or with an error where it says so."""
        if handler_call_details.method != METHOD:
            return None

        async def echo(request: bytes, context: Any) -> bytes:
            self.metadata.append(dict(context.invocation_metadata()))
            if request == b"refuse":
                await context.abort(grpc.StatusCode.UNAVAILABLE, "as asked")
            return request

        return cast("Any", grpc).unary_unary_rpc_method_handler(echo)


@asynccontextmanager
async def _calls(method: str, told: Any) -> AsyncGenerator[tuple[Calls, _Echo]]:
    echo, server = _Echo(), grpc.aio.server()
    server.add_generic_rpc_handlers([echo])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _, calls = await asyncio.get_running_loop().create_connection(
        lambda: Calls(method, f"127.0.0.1:{port}", "t" * 300, told), "127.0.0.1", port
    )
    try:
        yield calls, echo
    finally:
        calls.close()
        await server.stop(0)


async def _answers(method: str, messages: list[bytes]) -> tuple[dict[int, tuple[bytes, bool]], Any]:
    found: dict[int, tuple[bytes, bool]] = {}
    room = asyncio.Semaphore(_AT_ONCE)

    def take(number: int, body: bytes, well: bool) -> None:
        assert number not in found, "answered twice"
        found[number] = (body, well)
        room.release()

    async with _calls(method, take) as (calls, echo):
        for message in messages:
            await room.acquire()
            calls.call(message)
        for _ in range(_AT_ONCE):
            await room.acquire()
    return found, echo


async def test_each_call_gets_its_answer_however_much_is_under_way() -> None:
    # More than the window of the connection, many times over; and more than it at once.
    messages = [b"%d" % number + b"x" * 700 for number in range(1_500)]
    found, echo = await _answers(METHOD, messages)
    assert found == {number: (message, True) for number, message in enumerate(messages)}
    assert {one["authorization"] for one in echo.metadata} == {"Bearer " + "t" * 300}


async def test_an_error_is_no_answer() -> None:
    found, _ = await _answers(METHOD, [b"a", b"refuse", b"b"])
    assert [found[number][1] for number in range(3)] == [True, False, True]


async def test_many_that_are_refused_are_refused_once_each() -> None:
    found, _ = await _answers(METHOD, [b"refuse"] * 1_000)
    assert found == dict.fromkeys(range(1_000), (b"", False))


async def test_a_method_that_is_not_there_fails() -> None:
    found, _ = await _answers("/test.Echo/Other", [b"a"])
    assert found == {0: (b"", False)}
