"""An engine that is started again whenever it dies, as a supervisor does with a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from cli import processes
from cli.engines import Engine, EngineError
from cli.mesh import RunningProcess

_LOOK_S = 0.05


class Kept:
    """One engine; `process` is None while it is down or starting."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.process: RunningProcess | None = None
        self.starts = 0
        # A child's parent is the thread that started it: this one lives as long as the engine.
        self._thread = ThreadPoolExecutor(1, "kept")

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await self._in_thread(self.engine.start)
        pid = self.engine.pid
        assert pid is not None
        self.process = RunningProcess(pid, processes.started_at(pid), self.engine.url)
        self.starts += 1

    async def look_after(self) -> None:
        """Start it again whenever it has died, as often as that takes, until cancelled."""
        while True:
            if self.process is None or not processes.is_running(self.process.pid):
                self.process = None
                await self._in_thread(self.engine.stop)  # what is left of it
                with contextlib.suppress(EngineError):
                    await self.start()
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """Stop it for good."""
        await self._in_thread(self.engine.stop)
        self._thread.shutdown()

    async def _in_thread(self, call: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call)


@asynccontextmanager
async def kept(engine: Engine) -> AsyncGenerator[Kept]:
    """Keep an engine running for as long as the block lasts."""
    made = Kept(engine)
    await made.start()
    looking = asyncio.create_task(made.look_after())
    try:
        yield made
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        await made.stop()
