"""The pipeline as a process, the log it reads, and where it writes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from sentientiq.analytics.v1 import query_service_pb2 as apb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from cli.up.ports import free_address
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import BEHAVIOR, EventLog, open_log
from services.common.log.port import session_append
from services.pipeline.arrow import pa, parquet
from tests.engines.running import MESH_SECRET, Running

ROWS_A_BATCH = 6
_PATIENCE_S = 60.0


@asynccontextmanager
async def query_stub(address: str, secret: str) -> AsyncGenerator[Any]:
    """QueryService, for whoever may ask of any tenant."""
    token = make_token(secret, subject="test", tenant_id="*")
    async with connect(address, token) as channel:
        yield rpc.QueryServiceStub(channel)


async def report(stub: Any, tenant: str, name: str, **parameters: str) -> list[dict[str, Any]]:
    """The rows of a report."""
    # The pipeline yields to everybody else (nice 19 under `up`): wait until it gets its turn.
    answer = await stub.RunReport(
        apb.RunReportRequest(tenant_id=tenant, report=name, parameters=parameters),
        timeout=_PATIENCE_S,
        wait_for_ready=True,
    )
    rows: list[dict[str, Any]] = pa.ipc.open_stream(answer.arrow).read_all().to_pylist()
    assert len(rows) == answer.rows
    return rows


async def until_stored(log: EventLog, topic: str = BEHAVIOR, within_s: float = 30.0) -> None:
    """Wait until analytics and archive have committed all there is on a topic."""
    async with asyncio.timeout(within_s):
        while True:
            ends = await log.ends(topic)
            places = [await log.committed(group, topic) for group in ("analytics", "archive")]
            if all(place[key] >= ends[key] for place in places for key in ends):
                return
            await asyncio.sleep(0.05)


class Line:
    """A running pipeline, the log it reads, and where it writes."""

    def __init__(self, log_url: str, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "SIQ_LOG_URL": log_url,
            "SIQ_ANALYTICS_URL": f"chdb://{folder}/analytics",
            "SIQ_ARCHIVE_URL": f"file://{folder}/archive",
            "SIQ_BLOCK_INTERVAL_S": "0.1",
            "SIQ_ROLL_INTERVAL_S": "0.1",
        }
        self.log: EventLog = open_log(log_url)
        self.channels: list[grpc.aio.Channel] = []

    async def start(self) -> None:
        self.address = free_address()
        self.running = Running("services.pipeline", {**self.env, "SIQ_LISTEN": self.address})
        await self.running.ready(self.address)
        self.stub = self.caller("*")

    def caller(self, tenant_id: str, role: str = "mesh") -> Any:  # its types are a blocking stub's
        token = make_token(MESH_SECRET, subject="test", tenant_id=tenant_id, role=role)
        self.channels.append(connect(self.address, token))
        return rpc.QueryServiceStub(self.channels[-1])

    async def close(self) -> None:
        self.running.stop()
        for channel in self.channels:
            await channel.close()
        await self.log.close()

    async def append(self, topic: str, *messages: Any) -> None:
        """Append messages, an entry each."""
        await self.log.append(
            [
                session_append(topic, item.tenant_id, item.session_id, item.SerializeToString(), {})
                for item in messages
            ]
        )

    async def report(self, tenant: str, name: str, **parameters: str) -> list[dict[str, Any]]:
        return await report(self.stub, tenant, name, **parameters)

    async def counts(self, tenant: str) -> dict[str, int]:
        """Rows of a tenant by table of analytics."""
        rows = await self.report(tenant, "log_freshness")
        return {row["source"]: row["rows"] for row in rows}

    def archived(self, tenant: str, topic: str = BEHAVIOR) -> list[dict[str, Any]]:
        """The archive's rows of a tenant, as anybody with a Parquet reader sees them."""
        folder = self.folder / "archive" / topic / f"tenant={tenant}"
        paths = sorted(folder.rglob("part-*.parquet"))
        rows: list[dict[str, Any]] = []
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                rows += parquet.read_table(path, partitioning=None).to_pylist()
        return rows

    async def until(self, what: Callable[[], Any], expected: Any) -> None:
        """Wait until something is as expected."""
        found: Any = None
        try:
            async with asyncio.timeout(30):
                while True:
                    found = what()
                    if asyncio.iscoroutine(found):
                        found = await found
                    if found == expected:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"expected {expected}, found {found}")

    async def drained(self) -> None:
        """Wait until both groups have committed all there is on behavior.v1."""
        await until_stored(self.log)


@asynccontextmanager
async def running_line(log_url: str, folder: Path) -> AsyncGenerator[Line]:
    """Run one until the end of the test."""
    running = Line(log_url, folder)
    await running.start()
    try:
        yield running
    finally:
        await running.close()
