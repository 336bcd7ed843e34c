"""An edge worker of the mesh that runs in the test's process, so that its counters can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from cli.up.ports import free_address
from edge.listener import listen
from edge.settings import Settings
from edge.worker import Worker
from services.common.process import run_all
from tests.integration.bad_input.world import World


class OwnEdge:
    """The worker and where it listens."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.url = f"ws://{worker.settings.ws_listen}"

    async def counts(self, name: str, expected: int) -> None:
        """Wait until a counter of what pages sent is as expected."""
        counters = self.worker.session_counters
        async with asyncio.timeout(10):
            while counters[name] < expected:
                await asyncio.sleep(0.01)
        assert counters[name] == expected


@asynccontextmanager
async def own_edge(world: World) -> AsyncGenerator[OwnEdge]:
    """Run a worker beside the mesh's own, as `python -m edge` does."""
    env = world.mesh.env
    worker = Worker(
        Settings(
            mesh_secret=world.secret,
            state_url=env["SIQ_STATE_URL"],
            log_url=env["SIQ_LOG_URL"],
            identity_addr=env["SIQ_IDENTITY_ADDR"],
            intervention_addr=env["SIQ_INTERVENTION_ADDR"],
            ws_listen=free_address(),
            worker="edge-of-the-test",
        )
    )
    loops = asyncio.create_task(run_all(*worker.loops()))
    server = await listen(worker)
    try:
        yield OwnEdge(worker)
        assert not loops.done(), "a background loop ended"
    finally:
        server.close()
        await worker.drain(server.wait_closed)
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)
        await worker.close()
