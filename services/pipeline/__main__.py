"""python -m services.pipeline"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from services.common import metrics
from services.common.consumer import Consumer
from services.common.log import EventLog, open_log
from services.common.process import GrpcServer, run, run_all
from services.pipeline.analytics import open_analytics
from services.pipeline.archive import open_archive
from services.pipeline.metrics import METRICS, Parts
from services.pipeline.reports import Reports
from services.pipeline.servicer import QueryServicer
from services.pipeline.settings import Settings
from services.pipeline.shared_reads import SharedReads
from services.pipeline.sinks import AnalyticsSink, ArchiveSink
from services.pipeline.tail import Tails
from services.pipeline.topics import TOPICS, Topic
from services.pipeline.trimmer import Trimmer, run_trimmer

_SERVICE = pb.DESCRIPTOR.services_by_name["QueryService"].full_name
# Entries of a block or roll at most: bounds its memory. Enough for an interval at ten thousand
# frames a second, since small blocks cost ClickHouse more by the row.
_MOST = 32_768
# Entries a partition and read, of which the log serves one at a time.
_LIMIT = 32


# Messages that are decoded once for both readers, which are some tenths of a second apart.
_DECODED = 8_192


def _consumers(
    log: EventLog, topic: Topic[Any], **readers: tuple[Any, float]
) -> list[Consumer[Any]]:
    """One a group; `readers` have a handler and the seconds between its batches."""
    read = SharedReads(log, topic.name).read
    decode = lru_cache(_DECODED)(topic.decode)
    return [
        Consumer(
            log,
            group=group,
            topic=topic.name,
            decode=decode,
            handle=handle,
            limit=_LIMIT,
            most=_MOST,
            linger_s=linger_s,
            read=read,
        )
        for group, (handle, linger_s) in readers.items()
    ]


async def serve(settings: Settings) -> None:
    """Carry, trim and answer until cancelled."""
    analytics = open_analytics(settings.analytics_url)
    archive = open_archive(settings.archive_url)
    log = open_log(settings.log_url)
    tails = Tails(log)
    server = GrpcServer(settings.listen, settings.mesh_secret)
    try:
        await analytics.migrate()
        trimmer = Trimmer(log, keep_behavior_s=settings.keep_behavior_s)
        parts = Parts(trimmer)
        metrics.publish(METRICS, parts)
        consumers: list[Consumer[Any]] = []
        for topic in TOPICS:
            into_analytics = AnalyticsSink(topic, analytics)
            into_archive = ArchiveSink(topic, archive)
            await into_archive.recover(await log.ends(topic.name))
            parts.sinks[topic.name, "analytics"] = into_analytics
            parts.sinks[topic.name, "archive"] = into_archive
            consumers += _consumers(
                log,
                topic,
                analytics=(into_analytics.handle, settings.block_interval_s),
                archive=(into_archive.handle, settings.roll_interval_s),
            )
        servicer = QueryServicer(Reports(analytics), tails)
        rpc.add_QueryServiceServicer_to_server(servicer, server.raw)
        await server.start([_SERVICE])
        await run_all(
            *(consumer.run() for consumer in consumers),
            run_trimmer(trimmer, settings.trim_interval_s),
        )
    finally:
        tails.stop()
        await server.stop()
        await log.close()
        await analytics.close()


if __name__ == "__main__":
    run("pipeline", Settings, serve)
