"""python -m services.pipeline"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from sentientiq.analytics.v1 import archive_service_pb2 as archive_pb
from sentientiq.analytics.v1 import archive_service_pb2_grpc as archive_rpc
from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from services.common import logs, metrics
from services.common.consumer import Consumer
from services.common.log import EventLog, open_log
from services.common.process import GrpcServer, run, run_all
from services.pipeline.analytics import (
    Analytics,
    AnalyticsError,
    AnalyticsUnfit,
    Daily,
    open_analytics,
)
from services.pipeline.archive import open_archive
from services.pipeline.archive_servicer import ArchiveServicer, run_compactor
from services.pipeline.metrics import METRICS, Parts
from services.pipeline.readers import ends_of, place_of, readers_of
from services.pipeline.reports import Reports
from services.pipeline.servicer import QueryServicer
from services.pipeline.settings import Settings
from services.pipeline.sinks import AnalyticsSink, ArchiveSink
from services.pipeline.tail import Tails
from services.pipeline.topics import TOPICS
from services.pipeline.trimmer import Trimmer, run_trimmer

_log = logs.get(__name__)
_QUERIES, _ARCHIVE = (
    pb.DESCRIPTOR.services_by_name["QueryService"].full_name,
    archive_pb.DESCRIPTOR.services_by_name["ArchiveService"].full_name,
)
# Until analytics is there: seconds between attempts.
_AGAIN_S = (0.5, 1.0, 2.0, 5.0)
# For so long others wait for it to be there, and so for the whole process.
_AT_ONCE_S = 5.0


async def _archived(log: EventLog, sink: ArchiveSink[Any], reader: Consumer[Any]) -> None:
    """Archive a topic; an archive that is away holds nothing else up, at the start either."""
    await sink.recover(await ends_of(log, sink.topic))
    await reader.run()


class _Prepared:
    """Analytics with its tables. What needs it waits, and nothing else does."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._tried = asyncio.Event()
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Migrate as soon as the engine answers.

        Raises:
            AnalyticsUnfit: it never will as it is.
        """
        attempt = 0
        while not self._done.is_set():
            try:
                await self._analytics.migrate()
                self._done.set()
                self._tried.set()
            except AnalyticsUnfit:
                raise
            except AnalyticsError as error:
                self._tried.set()
                pause = _AGAIN_S[min(attempt, len(_AGAIN_S) - 1)]
                attempt += 1
                _log.warning("analytics away, will retry", pause_s=pause, error=str(error))
                await asyncio.sleep(pause)

    async def answer(self, server: GrpcServer) -> None:
        """Listen once it is there, or does not come at once: then without reports."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AT_ONCE_S):
                await self._tried.wait()
        await server.start([_QUERIES, _ARCHIVE], not_yet=[_QUERIES])
        await self._done.wait()
        await server.ready(_QUERIES)

    async def store(self, log: EventLog, sink: AnalyticsSink[Any], reader: Consumer[Any]) -> None:
        """Fill a table, from then on."""
        await self._done.wait()
        await sink.recover(await place_of(log, "analytics", sink.topic))
        await reader.run()

    async def count(self, daily: Daily, interval_s: float) -> None:
        """Count days, from then on."""
        await self._done.wait()
        await daily.run(interval_s)


async def serve(settings: Settings) -> None:
    """Carry, trim and answer until cancelled."""
    analytics = open_analytics(settings.analytics_url)
    archive = open_archive(settings.archive_url, timeout_s=settings.archive_timeout_s)
    log = open_log(settings.log_url)
    tails = Tails(log)
    server = GrpcServer(settings.listen, settings.mesh_secret)
    try:
        prepared = _Prepared(analytics)
        trimmer = Trimmer(log, keep_behavior_s=settings.keep_behavior_s)
        daily = Daily(analytics)
        parts = Parts(trimmer, daily, archive)
        metrics.publish(METRICS, parts)
        reading: list[Callable[[], Awaitable[None]]] = []
        for topic in TOPICS:
            into_analytics = AnalyticsSink(topic, analytics, daily)
            into_archive = ArchiveSink(topic, archive)
            parts.sinks[topic.name, "analytics"] = into_analytics
            parts.sinks[topic.name, "archive"] = into_archive
            of_analytics, of_archive = readers_of(
                log,
                topic,
                analytics=(into_analytics.handle, settings.block_interval_s),
                archive=(into_archive.handle, settings.roll_interval_s),
            )
            reading += [
                partial(prepared.store, log, into_analytics, of_analytics),
                partial(_archived, log, into_archive, of_archive),
            ]
        servicer = QueryServicer(Reports(analytics), tails)
        rpc.add_QueryServiceServicer_to_server(servicer, server.raw)
        looking_after = ArchiveServicer(archive, analytics, daily)
        archive_rpc.add_ArchiveServiceServicer_to_server(looking_after, server.raw)
        await run_all(
            prepared.run(),
            prepared.answer(server),
            *(read() for read in reading),
            run_trimmer(trimmer, settings.trim_interval_s),
            prepared.count(daily, settings.daily_interval_s),
            run_compactor(archive, settings.compact_interval_s),
        )
    finally:
        tails.stop()
        await server.stop()
        await log.close()
        await analytics.close()


if __name__ == "__main__":
    run("pipeline", Settings, serve)
