"""A pipeline whose stores are away, or let everything vanish: what does not need them goes on, and
its end comes in time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.log import BEHAVIOR
from services.pipeline.archive import Archive
from services.pipeline.archive.s3 import S3Objects
from tests.engines.clickhouse.server import FrontServer
from tests.engines.fault_proxy import FaultProxy, fault_proxy
from tests.engines.s3.server import BUCKET, S3Server
from tests.integration.pipeline_line import ROWS_A_BATCH, Line
from tests.unit.services.pipeline.messages import batch

_QUERIES = "sentientiq.analytics.v1.QueryService"


@asynccontextmanager
async def line_with(log_url: str, folder: Path, **settings: str) -> AsyncGenerator[Line]:
    line = Line(log_url, folder)
    line.env |= settings
    await line.start()
    try:
        yield line
    finally:
        await line.close()


async def says(line: Line, service: str) -> str:
    async with grpc.aio.insecure_channel(line.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def test_analytics_that_is_away_at_the_start_holds_nothing_else_up(
    log_url: str, tmp_path: Path, unused_tcp_port: int, clickhouse: FrontServer
) -> None:
    url = f"clickhouse://127.0.0.1:{unused_tcp_port}"
    clickhouse.ask("DROP DATABASE IF EXISTS sentientiq")
    async with line_with(log_url, tmp_path, SIQ_ANALYTICS_URL=url) as line:
        await line.append(BEHAVIOR, batch(1, tenant="patient"))
        await line.until(lambda: len(line.archived("patient")), ROWS_A_BATCH)
        assert await says(line, "") == "SERVING"
        assert await says(line, _QUERIES) == "NOT_SERVING"
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await line.counts("patient")
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        proxy = FaultProxy(("127.0.0.1", clickhouse.port))
        server = await asyncio.start_server(proxy.take, "127.0.0.1", unused_tcp_port)
        try:
            await line.until(lambda: says(line, _QUERIES), "SERVING")
            await line.drained()
            assert (await line.counts("patient"))["events"] == ROWS_A_BATCH
        finally:
            server.close()
            await proxy.close()


@pytest.mark.long
async def test_stores_that_let_everything_vanish_outlast_no_stop(
    log_url: str, tmp_path: Path, clickhouse: FrontServer, s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """At the start, and while a block and a roll are under way; nothing of those is lost."""
    clickhouse.ask("DROP DATABASE IF EXISTS sentientiq")
    for name, value in s3_server.environ().items():
        monkeypatch.setenv(name, value)
    prefix = uuid.uuid4().hex
    async with AsyncExitStack() as stack:
        proxies = [
            await stack.enter_async_context(fault_proxy(("127.0.0.1", port)))
            for port in (clickhouse.port, s3_server.port)
        ]
        line = await stack.enter_async_context(
            line_with(
                log_url,
                tmp_path,
                **s3_server.environ(f"http://127.0.0.1:{proxies[1].port}"),
                SIQ_ANALYTICS_URL=f"clickhouse://127.0.0.1:{proxies[0].port}",
                SIQ_ARCHIVE_URL=f"s3://{BUCKET}/{prefix}",
            )
        )
        await line.append(BEHAVIOR, batch(1, tenant="hole"))
        await line.drained()
        for way in (way for proxy in proxies for way in (proxy.up, proxy.down)):
            way.black_hole = True
        await line.append(BEHAVIOR, batch(2, tenant="hole"))
        await asyncio.sleep(1)  # both are under way then
        assert await asyncio.to_thread(line.running.stop) == 0
        await line.start()  # into the same holes
        assert await says(line, _QUERIES) == "NOT_SERVING"
        assert await asyncio.to_thread(line.running.stop) == 0
        for way in (way for proxy in proxies for way in (proxy.up, proxy.down)):
            way.black_hole = False
        await line.start()
        await line.drained()
        assert (await line.counts("hole"))["events"] == 2 * ROWS_A_BATCH
        archive = Archive(S3Objects(BUCKET, prefix, timeout_s=20))
        rows = sum(file.rows for file in archive.files(BEHAVIOR, tenant="hole"))
        assert rows == 2 * ROWS_A_BATCH
