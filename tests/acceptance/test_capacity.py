"""Acceptance tests of capacity and fairness that need no clock: cut, told, counted, lost.

How much and how fast is measured by `python -m benchmarks acceptance`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode
from websockets.typing import Origin, Subprotocol

from cli.client import Page
from cli.up.ports import free_address
from services.common.log import BEHAVIOR
from tests.engines.fault_proxy import fault_proxy
from tests.integration import edge_line

mesh = edge_line.mesh
_UNDER_WAY = 5
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Edge:
    """An edge worker of its own beside the mesh's, with its counters."""

    def __init__(self, running: edge_line.Mesh, metrics: str) -> None:
        self.mesh = running
        self._metrics = f"http://{metrics}/metrics"

    async def counted(self, name: str, **labels: str) -> float:
        async with httpx.AsyncClient() as client:
            text = (await client.get(self._metrics)).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and sample.labels.items() >= labels.items()
        )

    async def counts(self, least: float, within_s: float, name: str, **labels: str) -> None:
        """Wait until something was counted so often."""
        async with asyncio.timeout(within_s):
            while await self.counted(name, **labels) < least:
                await asyncio.sleep(0.05)

    def files(self) -> int:
        return len(list(Path(f"/proc/{self.mesh.edge.process.pid}/fd").iterdir()))


@asynccontextmanager
async def an_edge(beside: edge_line.Mesh, **env: str) -> AsyncGenerator[Edge]:
    """Start a worker with settings of its own."""
    metrics = free_address()
    own = {
        "SIQ_WS_LISTEN": free_address(),
        "SIQ_HTTP_LISTEN": free_address(),
        "SIQ_METRICS_LISTEN": metrics,
        "SIQ_WORKER": "edge-of-its-own",
    }
    running = edge_line.Mesh({**beside.env, **own, **env}, beside.log)
    running.key = beside.key
    await running.start_edge()
    try:
        yield Edge(running, metrics)
        assert running.edge.stop() == 0
    finally:
        running.edge.kill()
        await running.channel.close()


@asynccontextmanager
async def raw_page(edge: Edge) -> AsyncGenerator[ClientConnection]:
    """A welcomed page whose socket is in the test's hands."""
    socket = await connect(
        edge.mesh.ws,
        subprotocols=[Subprotocol("sentientiq.v1")],
        origin=Origin(edge_line.ORIGIN),
        compression=None,
        ping_interval=None,
    )
    try:
        hello = {"type": "hello", "key": edge.mesh.key, "stream": "p1", "page": "/"}
        await socket.send(json.dumps({**hello, "clock": time.time() * 1000}))
        assert json.loads(await socket.recv())["type"] == "welcome"
        yield socket
    finally:
        socket.transport.abort()
        await socket.wait_closed()


def page_of(edge: Edge, key: str = "") -> Page:
    return Page(edge.mesh.ws, key or edge.mesh.key, origin=edge_line.ORIGIN)


async def say(page: Page, times: int) -> None:
    for _ in range(times):
        await page.send_events(time.time() * 1000, [[2, 0, page.sent, 7]])


async def logged(edge: Edge, page: Page) -> list[int]:
    return sorted({batch.seq for batch in await edge.mesh.logged(BEHAVIOR, page.session)})


async def test_at_21_nothing_stays_of_connections_that_ended(mesh: edge_line.Mesh) -> None:
    async def visit(edge: Edge, visitors: int) -> None:
        pages = [page_of(edge) for _ in range(visitors)]
        await asyncio.gather(*[page.open() for page in pages])
        for page in pages[::2]:
            await say(page, 2)
            await page.drained(10)
        for page in pages[::3]:
            page.drop()
        await asyncio.gather(*[page.close() for page in pages])

    async with an_edge(mesh) as edge:
        await visit(edge, 30)  # pools and caches are made once
        async with asyncio.timeout(10):
            while await edge.counted("siq_edge_connections"):
                await asyncio.sleep(0.05)
        files, tasks = edge.files(), await edge.counted("siq_process_tasks")
        assert tasks > 0
        for _ in range(5):
            await visit(edge, 30)
        # Of 150 visits, 50 of which broke off. A call or a look of our own may be under way.
        most_files, most_tasks = files + _UNDER_WAY, tasks + _UNDER_WAY
        async with asyncio.timeout(20):
            while edge.files() > most_files or (
                await edge.counted("siq_process_tasks") > most_tasks
            ):
                await asyncio.sleep(0.05)


async def test_at_22_who_makes_us_answer_and_does_not_read_is_cut(mesh: edge_line.Mesh) -> None:
    """At 256 KiB: they are pongs, since nothing else makes the edge send a page so much."""
    async with an_edge(mesh) as edge, raw_page(edge) as deaf:
        other = page_of(edge)
        await other.open()
        deaf.transport.pause_reading()
        pings = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 1_000
        async with asyncio.timeout(30):
            while not await edge.counted("siq_edge_connections_cut_total", reason="slow_reader"):
                for _ in range(20):
                    if deaf.transport.get_write_buffer_size() < 1 << 20:
                        deaf.transport.write(pings)
                    await asyncio.sleep(0)
                await say(other, 1)
        assert await edge.counted("siq_edge_connections_closed_total", code="1013") == 1
        await other.drained(10)
        assert await logged(edge, other) == list(range(1, other.sent + 1))
        await other.close()


@pytest.mark.long
async def test_at_22_who_sends_and_does_not_read_is_cut(mesh: edge_line.Mesh) -> None:
    """After 40 s: by the ping that nobody answers."""
    async with an_edge(mesh) as edge, raw_page(edge) as deaf:
        other = page_of(edge)
        await other.open()
        deaf.transport.pause_reading()

        async def send_on() -> None:
            for seq in range(1, 1_000):
                frame = {"type": "events", "seq": seq, "events": [[2, 0, seq, 7]]}
                await deaf.send(json.dumps({**frame, "t0": time.time() * 1000}))
                await asyncio.sleep(0.2)

        sending = asyncio.create_task(send_on())
        # Two looks of a second each on top.
        await edge.counts(1, 43, "siq_edge_connections_cut_total", reason="silent")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await say(other, 1)
        await other.drained(10)
        assert other.connections == 1
        await other.close()


async def test_at_23_what_is_too_much_is_told_when_to_come_again(mesh: edge_line.Mesh) -> None:
    """A log that takes a quarter of a second a round: pages are asked to wait, and lose nothing."""
    told: list[dict[str, Any]] = []

    def hear(frame: dict[str, Any], _: float) -> None:
        if frame["type"] == "error":
            told.append(frame)

    async with fault_proxy(urlsplit(mesh.env["SIQ_LOG_URL"]).path) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with an_edge(mesh, SIQ_LOG_URL=url) as edge:
            pages = [
                Page(edge.mesh.ws, edge.mesh.key, origin=edge_line.ORIGIN, on_frame=hear)
                for _ in range(10)
            ]
            await asyncio.gather(*[page.open() for page in pages])
            proxy.up.latency_s = 0.25
            async with asyncio.timeout(20):
                while len(told) < 20:
                    await asyncio.gather(*[say(page, 1) for page in pages])
                    await asyncio.sleep(0.02)
            proxy.up.latency_s = 0.0
            await asyncio.gather(*[page.drained(20) for page in pages])
            assert {frame["code"] for frame in told} == {"slow"}
            assert all(0 < frame["retry_after_ms"] <= 9_000 for frame in told)
            assert await edge.counted("siq_edge_asked_to_wait_total") == len(told)
            before = len(told)
            for _ in range(5):  # the first ones still hear of the rounds before
                await asyncio.gather(*[say(page, 1) for page in pages])
                await asyncio.gather(*[page.drained(10) for page in pages])
            calm = len(told)
            assert calm - before <= len(pages)
            await asyncio.gather(*[say(page, 3) for page in pages])
            await asyncio.gather(*[page.drained(10) for page in pages])
            assert len(told) == calm
            for page in pages:
                assert page.connections == 1
                assert await logged(edge, page) == list(range(1, page.sent + 1))
                await page.close()


async def test_at_23_while_the_log_stands_still_pages_are_told(
    mesh: edge_line.Mesh,
) -> None:
    told = asyncio.Event()

    def hear(frame: dict[str, Any], _: float) -> None:
        if frame.get("code") == "slow" and frame["retry_after_ms"]:
            told.set()

    async with fault_proxy(urlsplit(mesh.env["SIQ_LOG_URL"]).path) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        async with an_edge(mesh, SIQ_LOG_URL=url) as edge:
            page = Page(edge.mesh.ws, edge.mesh.key, origin=edge_line.ORIGIN, on_frame=hear)
            await page.open()
            await say(page, 1)
            await page.drained(10)
            proxy.up.black_hole = True
            async with asyncio.timeout(20):
                while not told.is_set():
                    await say(page, 1)
                    await asyncio.sleep(0.05)
            assert page.acked == 1
            proxy.up.black_hole = False
            await page.drained(20)
            assert await logged(edge, page) == list(range(1, page.sent + 1))
            await page.close()


async def test_at_24_a_hot_tenant_takes_nothing_from_others(mesh: edge_line.Mesh) -> None:
    """A hundred times its quota, at once: the others lose nothing and are never closed."""
    quota = 20
    await mesh.tenants.PutTenant(
        tenant.PutTenantRequest(tenant=tenant.Tenant(tenant_id="hot", name="Hot"))
    )
    created = await mesh.tenants.CreateKey(
        tenant.CreateKeyRequest(tenant_id="hot", origins=[edge_line.ORIGIN], environment="test")
    )
    async with an_edge(mesh, SIQ_FRAMES_PER_S_PER_KEY=str(quota)) as edge:
        others = [page_of(edge) for _ in range(4)]
        hot = [page_of(edge, created.key) for _ in range(quota)]
        await asyncio.gather(*[page.open() for page in (*others, *hot)])

        async def blast(page: Page) -> None:
            for _ in range(100):
                await say(page, 1)
                await asyncio.sleep(0)

        async def speak(page: Page) -> None:
            for _ in range(10):
                await say(page, 1)
                await page.drained(10)

        await asyncio.gather(*map(blast, hot), *map(speak, others))
        assert await edge.counted("siq_edge_asked_to_wait_total") > 0
        for page in others:
            assert page.connections == 1
            assert await logged(edge, page) == list(range(1, page.sent + 1))
        for page in hot:
            acked = page.acked
            await page.close()
            assert set(range(1, acked + 1)) <= set(await logged(edge, page))
        assert sum(page.acked for page in hot) < quota * 100
        await asyncio.gather(*[page.close() for page in others])
