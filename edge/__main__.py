"""The edge process: `python -m edge`."""

from __future__ import annotations

import asyncio

from edge.headers import security_headers
from edge.http import application
from edge.listener import listen
from edge.metrics import METRICS
from edge.sdk import load_sdk
from edge.settings import Settings
from edge.worker import Worker
from services.common import collector, logs, metrics
from services.common.http import HttpServer
from services.common.process import run, run_all
from services.common.tls import server_context

_log = logs.get(__name__)


async def serve(settings: Settings) -> None:
    """Serve until cancelled, then drain."""
    tls = server_context(settings.tls_cert, settings.tls_key) if settings.tls_cert else None
    worker = Worker(settings)
    metrics.publish(METRICS, worker)
    http = HttpServer(
        application(worker, load_sdk(settings.sdk_file)),
        settings.http_listen,
        tls=tls,
        headers=security_headers(settings),
    )
    loops = asyncio.create_task(run_all(*worker.loops()))
    server = await listen(worker, tls)
    await http.start()  # last: /readyz speaks for both ports
    collector.tame()
    _log.info("ready", ws=settings.ws_listen, http=settings.http_listen, worker=settings.worker)
    try:
        # Not `await loops`: a cancelled wait would end the writer before the drain needs it.
        await asyncio.wait([loops])
        loops.result()
    except Exception as error:  # the drain may fail too, for want of what ended here
        _log.error("a loop ended, draining", exc_info=error)
        raise
    finally:
        server.close()
        await worker.drain(server.wait_closed)
        await http.stop()
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)
        await worker.close()


if __name__ == "__main__":
    run("edge", Settings, serve)
