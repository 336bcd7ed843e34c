"""Is it ready: gRPC health, GET /healthz, or the engine's own answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from cli.engines import Engine

_TIMEOUT_S = 1.0


def engine_probe(engine: Engine) -> Callable[[], Awaitable[bool]]:
    """Ask an engine; it answers at once or not at all."""

    async def probe() -> bool:
        return engine.healthy()

    return probe


def grpc_probe(address: str) -> Callable[[], Awaitable[bool]]:
    """Ask grpc.health.v1 for the process as a whole."""

    async def probe() -> bool:
        return await grpc_complaint(address) is None

    return probe


async def grpc_complaint(address: str) -> str | None:
    """What is wrong with a process, by its own word; None if it serves."""
    if not await _listens(address):
        return "nobody listens"
    import grpc
    import grpc.aio
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    async with grpc.aio.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            return f"does not answer: {error.code().name}"
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return None
    return f"says {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"


def http_probe(address: str, *, tls: bool = False) -> Callable[[], Awaitable[bool]]:
    """Expect 200 from GET /healthz. Whose certificate it is does not matter for that."""
    secured = ssl.create_default_context() if tls else None
    if secured is not None:
        secured.check_hostname, secured.verify_mode = False, ssl.CERT_NONE

    async def probe() -> bool:
        host, _, port = address.rpartition(":")
        request = f"GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(host, int(port), ssl=secured)
                writer.write(request.encode())
                status = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        return status.split()[1:2] == [b"200"]

    return probe


async def _listens(address: str) -> bool:
    """Whether anybody accepts, far cheaper to ask than a gRPC channel that backs off."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
