"""python -m services.pipeline"""

from __future__ import annotations

from typing import Any

from sentientiq.analytics.v1 import query_service_pb2 as pb
from sentientiq.analytics.v1 import query_service_pb2_grpc as rpc

from services.common import metrics
from services.common.consumer import Consumer
from services.common.log import open_log
from services.common.process import GrpcServer, run, run_all
from services.pipeline.analytics import open_analytics
from services.pipeline.archive import open_archive
from services.pipeline.metrics import METRICS, Parts
from services.pipeline.readers import ends_of, readers_of
from services.pipeline.reports import Reports
from services.pipeline.servicer import QueryServicer
from services.pipeline.settings import Settings
from services.pipeline.sinks import AnalyticsSink, ArchiveSink
from services.pipeline.tail import Tails
from services.pipeline.topics import TOPICS
from services.pipeline.trimmer import Trimmer, run_trimmer

_SERVICE = pb.DESCRIPTOR.services_by_name["QueryService"].full_name


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
            await into_archive.recover(await ends_of(log, topic.name))
            parts.sinks[topic.name, "analytics"] = into_analytics
            parts.sinks[topic.name, "archive"] = into_archive
            consumers += readers_of(
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
