"""AT-04: pages that are thrown from one edge worker to another keep their order, without a gap."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.client import Page
from cli.up.ports import free_address
from tests.acceptance.judging import Journal, logged, order_of, whole
from tests.engines.fault_proxy import FaultProxy, fault_proxy
from tests.integration import edge_line

mesh = edge_line.mesh
pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = 10
_FRAME_EVERY_S = 0.02
_LOG_AWAY_S = 0.05
_BACK_WITHIN_S = 30.0
_LONGEST_STOP_S = 0.8


@asynccontextmanager
async def second_worker(mesh: edge_line.Mesh) -> AsyncGenerator[edge_line.Mesh]:
    """Another edge worker of the same mesh, on ports of its own. Its way to the log is a long one:
    what it took last gets there after what its pages have said elsewhere."""
    ports = {name: free_address() for name in ("SIQ_WS_LISTEN", "SIQ_HTTP_LISTEN")}
    async with fault_proxy(mesh.env["SIQ_LOG_URL"].removeprefix("unix://")) as far:
        far.up.latency_s = far.up.jitter_s = _LOG_AWAY_S
        away = {"SIQ_LOG_URL": f"redis://127.0.0.1:{far.port}"}
        other = edge_line.Mesh({**mesh.env, **ports, **away, "SIQ_WORKER": "edge-2"}, mesh.log)
        try:
            await other.start_edge()
            yield other
        finally:
            other.edge.kill()
            await other.channel.close()


class Ways:
    """Throws everybody to the other worker: by a cut, by a kill, or by a stop that comes to life
    again with what it had taken."""

    def __init__(self, proxy: FaultProxy, workers: list[edge_line.Mesh], seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._proxy = proxy
        self._workers = workers
        self._random = random.Random(seed)

    async def fail_over(self) -> None:
        """Do it once; the worker that was left is well again when it returns."""
        how = self._random.choice(("cut", "cut", "kill", "stop"))
        self.done[how] += 1
        left, self._workers = self._workers[0], self._workers[::-1]
        there = urlsplit(self._workers[0].ws)
        self._proxy.target = (str(there.hostname), int(there.port or 0))
        if how == "kill":
            left.edge.kill()
        elif how == "stop":
            left.edge.signal(signal.SIGSTOP)
            await asyncio.sleep(self._random.uniform(0, 0.05))  # what it has is its own by now
        self._proxy.reset_peers()
        if how == "kill":
            await left.start_edge()
        elif how == "stop":
            await asyncio.sleep(self._random.uniform(0.1, _LONGEST_STOP_S))
            left.edge.signal(signal.SIGCONT)


async def go_on(page: Page, stop: asyncio.Event) -> None:
    """Send without a pause until told to stop; then wait for the acks."""
    while not stop.is_set():
        await page.send_events(time.time() * 1000, [[2, 0, page.sent, 7]])
        await asyncio.sleep(_FRAME_EVERY_S)
    await page.drained(_BACK_WITHIN_S)


async def all_on(pages: list[Page], connections: list[int]) -> None:
    """Wait until each page was welcomed anew, and something new of it was acknowledged."""
    acked = [page.acked for page in pages]
    async with asyncio.timeout(_BACK_WITHIN_S):
        while any(
            page.connections <= before or page.acked <= safe
            for page, before, safe in zip(pages, connections, acked, strict=True)
        ):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "failovers",
    [pytest.param(8), pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
async def test_at_04_order_holds_over_failovers(
    mesh: edge_line.Mesh, tmp_path: Path, failovers: int
) -> None:
    journal = Journal(tmp_path / "acks")
    first = urlsplit(mesh.ws)
    address = (str(first.hostname), int(first.port or 0))
    async with second_worker(mesh) as other, fault_proxy(address) as proxy:
        pages = [journal.page(f"ws://127.0.0.1:{proxy.port}", mesh.key) for _ in range(PAGES)]
        await asyncio.gather(*[page.open() for page in pages])
        ways = Ways(proxy, [mesh, other], seed=failovers)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for page in pages:
                group.create_task(go_on(page, stop))
            for _ in range(failovers):
                before = [page.connections for page in pages]
                await ways.fail_over()
                await all_on(pages, before)
            stop.set()
        for page in pages:
            journal.note(page)
            assert page.counters["session_lost"] == 0
            await page.close()
    acked = journal.acked()
    journal.close()
    found = await logged(mesh.log)
    orders = {stream: order_of(found[stream]) for stream in acked}
    repeats = sum(order.repeats for order in orders.values())
    print(f"{dict(ways.done)}, {sum(acked.values())} frames, {repeats} repeated")
    assert len(acked) == PAGES
    for page in pages:
        stream = (page.session, page.stream)
        assert acked[stream] == page.sent
        assert whole(orders[stream], page.sent), orders[stream]
