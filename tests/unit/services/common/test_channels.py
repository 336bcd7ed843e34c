"""A channel between services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.channels import connect

_BUSY_S = 0.4
"""How long a process of a busy machine does not get to a connection."""


class _Serving(health_pb2_grpc.HealthServicer):
    async def Check(self, request: Any, context: Any) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(
            status=health_pb2.HealthCheckResponse.ServingStatus.SERVING
        )


@asynccontextmanager
async def serving_late() -> AsyncGenerator[str, None]:
    """A service that is slow to take a connection: its address."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(_Serving(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(_BUSY_S)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    late = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{late.sockets[0].getsockname()[1]}"
    finally:
        late.close()
        await server.stop(None)


async def test_a_slow_connection_is_waited_for():
    async with serving_late() as address, connect(address, "token") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=30.0)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
