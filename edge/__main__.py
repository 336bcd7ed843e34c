"""The edge process: `python -m edge`."""

from __future__ import annotations

import asyncio

from edge.http import HttpServer
from edge.settings import Settings
from edge.websocket import listen
from edge.worker import Worker
from services.common import logs
from services.common.process import run, run_all

_log = logs.get(__name__)


async def serve(settings: Settings) -> None:
    """Serve until cancelled, then drain."""
    worker = Worker(settings)
    http = HttpServer(worker)
    loops = asyncio.create_task(run_all(*worker.loops()))
    serving = asyncio.create_task(http.run())
    server = await listen(worker)
    _log.info("ready", ws=settings.ws_listen, http=settings.http_listen, worker=settings.worker)
    try:
        ended, _ = await asyncio.wait([loops, serving], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        server.close(close_connections=False)
        await worker.drain(server.wait_closed)
        http.stop()
        await asyncio.wait([serving], timeout=3)
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)
        await worker.close()


if __name__ == "__main__":
    run("edge", Settings, serve)
