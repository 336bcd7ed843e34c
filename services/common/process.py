"""The life of a process: start, serve gRPC with health and reflection, drain on SIGTERM, exit 0."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeVar, cast

import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from services.common import collector, logs, metrics, telemetry
from services.common.auth import Denied, ServerInterceptor
from services.common.metrics import Catalogue, Metric
from services.common.rpc.server import Server
from services.common.settings import SettingsError, load

T = TypeVar("T")
_log = logs.get(__name__)

_CANCEL_AGAIN_S = 8.0  # longer than any loop takes to drain, shorter than the 25 s to stop


class GrpcServer:
    """A gRPC server with authentication, error mapping, health and reflection."""

    def __init__(self, listen: str, mesh_secret: str, denied: Denied | None = None) -> None:
        self.listen = listen
        self.interceptor = ServerInterceptor(mesh_secret, denied)
        self._server = Server(self.interceptor.wrap)
        # What generated code registers at; it asks for one of grpcio's own types.
        self.raw: Any = self._server
        metrics.publish(RPC_METRICS, self)
        self._health: Any = cast("Any", health).aio.HealthServicer()
        cast("Any", health_pb2_grpc).add_HealthServicer_to_server(self._health, self.raw)

    async def start(self, service_names: Sequence[str], *, not_yet: Sequence[str] = ()) -> None:
        """Listen and report SERVING for the process ("") and each service, but NOT_SERVING for
        those that wait for something: see `ready`."""
        names = [*service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflected = cast("Any", reflection).aio.ReflectionServicer(names)
        cast("Any", reflection_pb2_grpc).add_ServerReflectionServicer_to_server(reflected, self.raw)
        try:
            await self._server.start(self.listen)
        except OSError as error:
            raise OSError(f"cannot listen on {self.listen}: is another mesh running?") from error
        for name in ("", *service_names):
            serving = health_pb2.HealthCheckResponse.SERVING
            waiting = health_pb2.HealthCheckResponse.NOT_SERVING
            await self._health.set(name, waiting if name in not_yet else serving)

    async def ready(self, service_name: str) -> None:
        """Report SERVING for a service that was not yet."""
        await self._health.set(service_name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_s: float = 3.0) -> None:
        """Report NOT_SERVING, let calls finish, stop."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)


RPC_METRICS: Catalogue[GrpcServer] = Catalogue(
    "every gRPC server",
    (
        Metric(
            "siq_rpc_refused_total",
            "counter",
            "{calls}",
            "Calls answered with an error that says what to mend, by status",
            lambda server: server.interceptor.refused,
            ("code",),
        ),
        Metric(
            "siq_rpc_unexpected_errors_total",
            "counter",
            "{calls}",
            "Calls that failed by a defect of ours; each is in the log with its traceback",
            lambda server: server.interceptor.unexpected_errors + server.raw.failed,
        ),
    ),
)


def run(process: str, settings_class: type[T], serve: Callable[[T], Awaitable[None]]) -> None:
    """Run `serve(settings)` until SIGTERM or SIGINT cancels it; exit 0 after a clean stop.

    `serve` sets everything up, then waits for ever; its `finally` drains.
    Exit codes: 0 stopped, 1 crashed, 78 the environment is incomplete.
    """
    logs.configure(process, os.environ.get("SIQ_LOG_LEVEL", "INFO"))
    try:
        settings = load(settings_class, os.environ)
    except SettingsError as error:
        _refuse(process, error)
    collector.settle()

    async def main() -> None:
        async with telemetry.observed(process, os.environ):
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(serve(settings))
            for signum in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signum, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

    try:
        uvloop.run(main())
    except SettingsError as error:
        _refuse(process, error)
    except Exception as error:
        _log.error("process failed", exc_info=error)
        sys.exit(1)
    _log.info("stopped")


def _refuse(process: str, error: SettingsError) -> NoReturn:
    print(f"{process}: {error}", file=sys.stderr)
    sys.exit(78)


async def run_all(*loops: Awaitable[None]) -> None:
    """Run background loops until cancelled; the first that fails ends the process.

    A loop that has not stopped after a while is cancelled again: see `cancellation`.
    """
    tasks = [asyncio.ensure_future(_as_coroutine(loop)) for loop in loops]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        while running := [task for task in tasks if not task.done()]:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=_CANCEL_AGAIN_S)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable
