"""The fault proxy does to a connection what it says, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from tests.engines.fault_proxy import FaultProxy, Way, fault_proxy

BOUND_S = 10.0
Ends = tuple[FaultProxy, asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def _through() -> AsyncGenerator[Ends]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    try:
        address = server.sockets[0].getsockname()
        async with asyncio.timeout(BOUND_S), fault_proxy(address) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            try:
                yield proxy, reader, writer
            finally:
                writer.close()
    finally:
        server.close()


async def test_a_stall_comes_on_top_of_the_latency() -> None:
    assert Way(latency_s=0.01, stall_share=1.0, stall_s=0.2).delay_s() == pytest.approx(0.21)
    assert Way(latency_s=0.01, stall_s=0.2).delay_s() == pytest.approx(0.01)


async def test_well_it_changes_nothing() -> None:
    async with _through() as (proxy, reader, writer):
        sent = bytes(range(256)) * 1000
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent
        assert proxy.connections == 1


async def test_pieces_latency_and_bandwidth_keep_every_byte_in_order() -> None:
    async with _through() as (proxy, reader, writer):
        proxy.up.slice_bytes, proxy.up.bytes_per_s = 7, 10_000
        proxy.down.latency_s, proxy.down.jitter_s, proxy.down.slow_close_s = 0.03, 0.02, 0.05
        began = asyncio.get_running_loop().time()
        sent = bytes(range(200)) * 5
        writer.write(sent)
        writer.write_eof()
        assert await reader.read(-1) == sent
        # 1,000 bytes at 10,000 a second, and the end at least 10 + 50 ms after the last of them.
        assert asyncio.get_running_loop().time() - began >= 0.15


async def test_a_black_hole_keeps_what_came_until_it_is_filled() -> None:
    async with _through() as (proxy, reader, writer):
        proxy.up.black_hole = True
        writer.write(b"waits")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        proxy.up.black_hole = False
        assert await reader.readexactly(5) == b"waits"


async def test_a_reset_is_a_reset() -> None:
    async with _through() as (proxy, reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        assert proxy.reset_peers() == 2
        with pytest.raises(ConnectionResetError):
            await reader.read(1)


async def test_the_limit_ends_a_connection_at_its_byte() -> None:
    async with _through() as (proxy, reader, writer):
        proxy.down.limit_bytes = 10
        writer.write(b"0123456789abcdef")
        assert await reader.read(-1) == b"0123456789"
