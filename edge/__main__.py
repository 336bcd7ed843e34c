"""The edge process: `python -m edge`."""

from __future__ import annotations

import asyncio

from edge import collector
from edge.http import application
from edge.listener import listen
from edge.metrics import METRICS
from edge.settings import Settings
from edge.worker import Worker
from services.common import logs, metrics
from services.common.http import HttpServer
from services.common.process import run, run_all

_log = logs.get(__name__)


async def serve(settings: Settings) -> None:
    """Serve until cancelled, then drain."""
    worker = Worker(settings)
    metrics.publish(METRICS, worker)
    http = HttpServer(application(worker), settings.http_listen)
    loops = asyncio.create_task(run_all(*worker.loops()))
    server = await listen(worker)
    await http.start()  # last: /readyz speaks for both ports
    collector.tame()
    _log.info("ready", ws=settings.ws_listen, http=settings.http_listen, worker=settings.worker)
    try:
        # Not `await loops`: a cancelled wait would end the writer before the drain needs it.
        await asyncio.wait([loops])
        loops.result()
    finally:
        server.close()
        await worker.drain(server.wait_closed)
        await http.stop()
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)
        await worker.close()


if __name__ == "__main__":
    run("edge", Settings, serve)
