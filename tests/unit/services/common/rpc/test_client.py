"""Our long call, against grpcio's server and our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from cli.up.ports import free_address
from services.common.rpc.client import Channel, Duplex, connect_plain
from tests.unit.services.common.rpc.rpc_line import (
    SERVICE,
    Echo,
    Pushing,
    handlers,
    method,
    served,
    settled,
)


@asynccontextmanager
async def grpcio() -> AsyncGenerator[tuple[Echo, str]]:
    echo, server = Echo(), grpc.aio.server()
    server.add_registered_method_handlers(SERVICE, handlers(echo))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, handlers(echo)),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield echo, f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def ours() -> AsyncGenerator[tuple[Echo, str]]:
    async with served() as (echo, _, address):
        yield echo, address


both = pytest.mark.parametrize("serving", [grpcio, ours], ids=["grpcio", "ours"])


def opened(channel: Channel, name: str) -> Duplex:
    return channel.stream_stream(
        method(name), request_serializer=bytes, response_deserializer=bytes
    )(metadata=grpc.aio.Metadata(("authorization", "Bearer " + "x" * 300)))


@both
async def test_messages_of_any_size_go_both_ways(serving: Any):
    sizes = [0, 1, 16_379, 16_380, 100_000, 3_000_000] * 3
    async with serving() as (_, address), asyncio.timeout(30):
        channel = connect_plain(address)
        call = opened(channel, "Both")
        await call.initial_metadata()

        async def write() -> None:
            for size in sizes:
                await call.write(bytes([size % 251]) * size)

        writing = asyncio.create_task(write())
        for size in sizes:
            assert await call.read() == bytes([size % 251]) * size
        await writing
        assert not call.done()
        await channel.close()
        assert call.done()


@both
async def test_whoever_does_not_read_is_waited_for(serving: Any):
    async with serving() as (echo, address), asyncio.timeout(30):
        channel = connect_plain(address)
        call = opened(channel, "Slow")
        pushing = Pushing(call, 64)
        assert await settled(lambda: pushing.sent) < 20
        echo.go_on.set()
        await pushing.all_come_back()
        await channel.close()


@both
async def test_a_status_ends_the_call(serving: Any):
    async with serving() as (_, address), asyncio.timeout(30):
        channel = connect_plain(address)
        call = opened(channel, "Nothing")
        await call.initial_metadata()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert call.done()
        with pytest.raises(grpc.aio.AioRpcError):
            await call.write(b"")
        await channel.close()


async def test_nobody_there_is_told_as_unavailable():
    channel = connect_plain(free_address())
    call = opened(channel, "Both")
    async with asyncio.timeout(10):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.write(b"")
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_peer_that_is_no_grpc_server_ends_the_call():
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    call = opened(connect_plain(address), "Both")
    async with asyncio.timeout(10):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    server.close()


async def test_a_peer_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.common.rpc.client._PING_EACH_S", 0.1)
    monkeypatch.setattr("services.common.rpc.client._PONG_WITHIN_S", 0.2)
    silent = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass
        writer.close()
        silent.set()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    call = opened(connect_plain(address), "Both")
    async with asyncio.timeout(10):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        await silent.wait()
    assert "pong" in str(caught.value.details())
    server.close()


async def test_a_peer_that_answers_pings_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.common.rpc.client._PING_EACH_S", 0.05)
    monkeypatch.setattr("services.common.rpc.client._PONG_WITHIN_S", 2.0)
    async with ours() as (_, address), asyncio.timeout(30):
        channel = connect_plain(address)
        call = opened(channel, "Both")
        await asyncio.sleep(0.5)
        await call.write(b"still here")
        assert await call.read() == b"still here"
        await channel.close()
