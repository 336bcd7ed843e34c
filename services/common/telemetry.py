"""What the environment wants to know about a process: traces, metrics, or neither.

The exporters are only loaded when something was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from services.common import metrics, tracing
from services.common.metrics import Catalogue, Metric
from services.common.settings import SettingsError
from services.common.tracing import OTLP_ENDPOINTS, TRACE_FILE

METRICS_LISTEN = "SIQ_METRICS_LISTEN"
PROCESS_METRICS: Catalogue[None] = Catalogue(
    "every process",
    (
        Metric(
            "siq_process_tasks",
            "gauge",
            "{tasks}",
            "Tasks of the process's loop; what only grows is never awaited",
            lambda _: len(asyncio.all_tasks()),
        ),
    ),
)


@asynccontextmanager
async def observed(process: str, environ: Mapping[str, str]) -> AsyncGenerator[None]:
    """Trace and publish metrics inside the block, as far as the environment asks for it.

    | variable | meaning |
    |---|---|
    | SIQ_TRACE_FILE | file to append spans to |
    | OTEL_EXPORTER_OTLP_ENDPOINT | collector to send spans to; every OTEL_* variable applies |
    | SIQ_METRICS_LISTEN | host:port of GET /metrics, for Prometheus |

    Raises:
        SettingsError: it cannot be had; the message names the variable and the mend.
    """
    if any(environ.get(name) for name in (TRACE_FILE, *OTLP_ENDPOINTS)):
        from services.common.trace_export import SdkRecorder

        tracing.use(SdkRecorder(process, environ))
    try:
        if not environ.get(METRICS_LISTEN):
            yield
            return
        async with _endpoint(process, environ[METRICS_LISTEN]):
            yield
    finally:
        tracing.close()


@asynccontextmanager
async def _endpoint(process: str, address: str) -> AsyncGenerator[None]:
    from services.common.metrics_export import PrometheusExporter

    exporter = PrometheusExporter(process)
    try:
        server = exporter.listen(address)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{METRICS_LISTEN}={address!r}: {error}; give host:port, or leave it empty for none"
        ) from error
    metrics.use(exporter)
    metrics.publish(PROCESS_METRICS, None)
    await server.start()
    try:
        yield
    finally:
        metrics.use(None)
        await server.stop()
