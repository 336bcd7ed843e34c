"""An edge that is stopped while the log does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from tests.engines.fixtures import Engines
from tests.integration.edge_line import Mesh, mesh

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["mesh"]


async def test_an_edge_stops_in_order_while_the_log_is_away(mesh: Mesh, engines: Engines):
    page = await mesh.page()
    await page.events(1)
    await page.acked(1)
    assert engines.log.pid is not None
    os.kill(engines.log.pid, signal.SIGSTOP)
    try:
        await page.events(2)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        mesh.edge.signal(signal.SIGTERM)
        code = await asyncio.to_thread(mesh.edge.process.wait, 40)
        assert (code, time.monotonic() - began < 25) == (0, True)
    finally:
        os.kill(engines.log.pid, signal.SIGCONT)
