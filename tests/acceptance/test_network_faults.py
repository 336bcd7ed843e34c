"""Acceptance tests of the network between page and edge, and between edge and log."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from urllib.parse import urlsplit

import pytest

from cli.client import Page
from services.common.log import BEHAVIOR
from tests.engines.fault_proxy import fault_proxy
from tests.integration import edge_line

mesh = edge_line.mesh
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "drops",
    [pytest.param(30), pytest.param(1_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])],
)
async def test_at_07_resume(mesh: edge_line.Mesh, drops: int) -> None:
    """A page that is cut off again and again loses nothing and nothing is logged out of turn."""
    there = urlsplit(mesh.ws)
    async with fault_proxy((str(there.hostname), int(there.port or 0))) as proxy:
        page = Page(f"ws://127.0.0.1:{proxy.port}", mesh.key, origin=edge_line.ORIGIN)
        await page.open()
        for _ in range(drops):
            cut_after = random.randint(1, 5)
            for _ in range(cut_after):
                await page.send_events(time.time() * 1000, [[2, 0, page.sent, 7]])
            proxy.up.slice_bytes = random.choice((0, 1, 50))
            before = proxy.connections
            await asyncio.sleep(random.uniform(0, 0.01))  # the random point, not a wait
            proxy.reset_peers()
            async with asyncio.timeout(20):
                while proxy.connections == before:
                    await asyncio.sleep(0.005)
        proxy.up.slice_bytes = 0
        await page.drained(30)
        sent, session = page.sent, page.session
        assert page.acked == sent
        assert page.counters["session_lost"] == 0
        await page.close()
    logged = Counter(batch.seq for batch in await mesh.logged(BEHAVIOR, session))
    assert sorted(logged) == list(range(1, sent + 1))
    assert max(logged.values()) == 1  # one worker held it all: it knows what it has


@pytest.mark.parametrize(
    "clients",
    [pytest.param(200), pytest.param(2_000, marks=[pytest.mark.long, pytest.mark.timeout(300)])],
)
async def test_at_25_all_dropped_at_once_are_back(mesh: edge_line.Mesh, clients: int) -> None:
    there = urlsplit(mesh.ws)
    async with fault_proxy((str(there.hostname), int(there.port or 0))) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}"
        pages = [Page(url, mesh.key, origin=edge_line.ORIGIN) for _ in range(clients)]
        for first in range(0, clients, 50):
            await asyncio.gather(*[page.open() for page in pages[first : first + 50]])
        proxy.reset_peers()
        async with asyncio.timeout(30):
            while any(page.connections < 2 for page in pages):
                await asyncio.sleep(0.05)
            for page in pages:
                await page.send_events(time.time() * 1000, [[2, 0, 1, 7]])
            await asyncio.gather(*[page.drained(30) for page in pages])
        assert sum(page.counters["session_lost"] for page in pages) == 0
        await asyncio.gather(*[page.close() for page in pages])
