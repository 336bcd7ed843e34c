"""Our server, asked by grpcio's client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from cli.up.ports import free_address
from services.common.process import GrpcServer
from services.common.rpc.server import Server
from tests.unit.services.common.rpc.rpc_line import Echo, Pushing, method, served, settled
from tests.waiting import until

_BIG = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@asynccontextmanager
async def called_on() -> AsyncGenerator[tuple[Echo, Server, Any]]:
    async with (
        served() as (echo, server, address),
        grpc.aio.insecure_channel(address, options=_BIG) as channel,
        asyncio.timeout(30),
    ):
        yield echo, server, channel


@asynccontextmanager
async def called() -> AsyncGenerator[tuple[Echo, Any]]:
    async with called_on() as (echo, _, channel):
        yield echo, channel


async def each(sizes: list[int]) -> AsyncIterator[bytes]:
    for size in sizes:
        yield bytes([size % 256]) * size


@pytest.mark.parametrize("size", [0, 1, 16_379, 16_384, 65_536, 3_000_000, 16 << 20])
async def test_a_call_is_answered_whatever_its_size(size: int):
    body = random.Random(size).randbytes(size)
    async with called() as (_, channel):
        assert await channel.unary_unary(method("One"))(body) == body


async def test_metadata_and_the_deadline_arrive():
    async with called() as (echo, channel):
        await channel.unary_unary(method("One"))(
            b"", metadata=(("authorization", "Bearer x"), ("x-other", "y")), timeout=7
        )
        assert echo.metadata["authorization"] == "Bearer x"
        assert echo.metadata["x-other"] == "y"
        assert not {"te", "content-type", "grpc-timeout"} & echo.metadata.keys()
        assert echo.remaining is not None
        assert 6 < echo.remaining <= 7


async def test_requests_of_a_stream_come_in_their_order():
    sizes = [0, 5, 100_000, 1, 2_000_000]
    async with called() as (_, channel):
        answer = await channel.stream_unary(method("Gather"))(each(sizes))
        assert answer == b"|".join([body async for body in each(sizes)])


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1_000, 10), (50, 300_000)])
async def test_answers_of_a_stream_come_whole(count: int, size: int):
    async with called() as (_, channel):
        call: Any = channel.unary_stream(method("Spread"))(f"{count} {size}".encode())
        found = [answer async for answer in call]
    assert found == [bytes([number % 256]) * size for number in range(count)]


async def test_both_sides_talk_at_once():
    async with called() as (_, channel):
        call: Any = channel.stream_stream(method("Both"))()
        sizes = [0, 3, 70_000, 1_500_000, 8]

        async def write() -> None:
            for size in sizes:
                await call.write(bytes(size))
            await call.done_writing()

        writing = asyncio.create_task(write())
        assert [len(answer) async for answer in call] == sizes
        await writing


async def test_a_handler_that_does_not_read_holds_its_caller_back():
    async with called() as (echo, channel):
        call: Any = channel.stream_stream(method("Slow"))()
        pushing = Pushing(call, 64)
        assert await settled(lambda: pushing.sent) < 20  # its window and what grpcio keeps
        echo.go_on.set()
        await pushing.all_come_back()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_a_caller_that_does_not_read_holds_its_handler_back():
    async with called() as (echo, channel):
        call: Any = channel.stream_stream(method("Both"))()
        pushing = Pushing(call, 64)
        assert await settled(lambda: echo.read) < 40
        await pushing.all_come_back()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_many_calls_at_once_each_get_their_answer():
    async with called() as (_, channel):
        one = channel.unary_unary(method("One"))
        bodies = [bytes([n % 256]) * (n * 37 % 5_000) for n in range(2_000)]
        assert await asyncio.gather(*(one(body) for body in bodies)) == bodies


async def test_a_status_comes_with_its_words():
    async with called() as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(method("Refuse"))(b"")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "no “such” thing: 100 %\n"


async def test_a_defect_tells_nothing_and_is_counted():
    async with called_on() as (_, server, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(method("Break"))(b"")
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert "secret" not in str(caught.value)
        assert await channel.unary_unary(method("One"))(b"goes on") == b"goes on"
        assert server.failed == 1


@pytest.mark.parametrize(
    ("path", "options", "code"),
    [
        ("/test.v1.Echo/None", {}, grpc.StatusCode.UNIMPLEMENTED),
        ("/other.Service/One", {}, grpc.StatusCode.UNIMPLEMENTED),
        (method("Hang"), {"timeout": 0.2}, grpc.StatusCode.DEADLINE_EXCEEDED),
        (
            method("One"),
            {"compression": grpc.Compression.Gzip},
            grpc.StatusCode.UNIMPLEMENTED,
        ),
    ],
    ids=["no method", "no service", "too late", "compressed"],
)
async def test_what_cannot_be_served_is_refused(
    path: str, options: dict[str, Any], code: grpc.StatusCode
):
    async with called() as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(path)(bytes(5_000), **options)
    assert caught.value.code() is code


async def test_a_message_that_is_too_large_is_refused_and_others_are_not():
    async with called() as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(method("One"))(bytes((16 << 20) + 1))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await channel.unary_unary(method("One"))(b"x") == b"x"


async def test_a_handler_whose_caller_is_gone_is_cancelled():
    async with called() as (echo, channel):
        hang = channel.unary_unary(method("Hang"))
        cut: Any = hang(b"")
        await until(lambda: echo.hanging == 1)
        cut.cancel()
        late: Any = hang(b"", timeout=1)
        await until(lambda: echo.hanging == 2)
        with pytest.raises(grpc.aio.AioRpcError):
            await late
        gone: Any = hang(b"")
        await until(lambda: echo.hanging == 3)
        await channel.close()
        await until(lambda: echo.cancelled == 3)
        assert gone.done()


async def test_a_server_that_stops_lets_calls_finish_and_takes_no_more():
    async with called_on() as (echo, server, channel):
        call: Any = channel.stream_stream(method("Slow"))()
        await call.write(b"before")
        stopping = asyncio.create_task(server.stop(10.0))
        await asyncio.sleep(0.2)
        assert not stopping.done()
        echo.go_on.set()
        await call.done_writing()
        assert [answer async for answer in call] == [b"before"]
        await stopping
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(method("One"))(b"", timeout=1)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_what_does_not_finish_in_time_may_be_tried_elsewhere():
    async with called_on() as (echo, server, channel):
        call: Any = channel.unary_unary(method("Hang"))(b"")
        await until(lambda: echo.hanging == 1)
        await server.stop(0.1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert echo.cancelled == 1


async def test_a_process_tells_its_health_and_its_methods():
    address = free_address()
    server = GrpcServer(address, "secret")
    await server.start(["some.Service"], not_yet=["some.Service"])
    async with grpc.aio.insecure_channel(address) as opened, asyncio.timeout(20):
        channel: Any = opened
        health: Any = health_pb2_grpc.HealthStub(channel)
        check, states = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        assert (await health.Check(check())).status == states.SERVING
        assert (await health.Check(check(service="some.Service"))).status == states.NOT_SERVING
        watching: Any = health.Watch(check(service="some.Service"))
        assert (await watching.read()).status == states.NOT_SERVING
        await server.ready("some.Service")
        assert (await watching.read()).status == states.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(check(service="none"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        reflected: Any = reflection_pb2_grpc.ServerReflectionStub(channel)

        async def ask() -> AsyncIterator[Any]:
            yield reflection_pb2.ServerReflectionRequest(list_services="")

        answers = [answer async for answer in reflected.ServerReflectionInfo(ask())]
        names = {service.name for service in answers[0].list_services_response.service}
        assert {"some.Service", "grpc.health.v1.Health"} <= names
        await server.stop(0)


async def test_an_address_that_is_taken_is_named():
    address = free_address()
    first, second = GrpcServer(address, "secret"), GrpcServer(address, "secret")
    await first.start([])
    with pytest.raises(OSError, match=f"cannot listen on {address}: is another mesh running"):
        await second.start([])
    await first.stop(0)
