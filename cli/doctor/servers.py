"""The two engines that a mesh grows into: Kafka for the log, ClickHouse for analytics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from cli.doctor.answers import away, place, with_clock
from cli.doctor.finding import Finding, Patient, fail, ok, warn

_WITHIN_S = 4.0
_SERVER = "SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) / 1000 AS now_s"


async def kafka(url: str) -> AsyncIterator[Finding]:
    """The cluster answers, and those of our topics that are there can be read by us."""
    try:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
    except ImportError:
        yield fail(
            "log", "SIQ_LOG_URL names Kafka, whose client is not installed",
            "pip install 'sentientiq[kafka]'",
        )  # fmt: skip
        return

    from services.common.log import TOPICS
    from services.common.log.kafka.address import parse
    from services.common.partition import PARTITIONS

    try:
        address = parse(url)
        client: Any = AdminClient({**address.config, "socket.timeout.ms": int(_WITHIN_S * 1_000)})
        cluster: Any = await asyncio.to_thread(client.list_topics, timeout=_WITHIN_S)
    except (ValueError, KafkaException) as error:
        why = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        yield away("log", url, ValueError(why), "SIQ_LOG_URL")
        return
    brokers = len(cluster.brokers)
    found = f"Kafka at {place(url)}, {brokers} broker{'s' if brokers > 1 else ''}"
    counts = {
        name: len(cluster.topics[name].partitions)
        for topic in TOPICS
        if (name := address.name(topic)) in cluster.topics
    }
    if wrong := sorted(name for name, count in counts.items() if count != PARTITIONS):
        yield fail(
            "log",
            f"{found}: {wrong[0]} has {counts[wrong[0]]} partitions, not {PARTITIONS}",
            "name another prefix, or move its records into a new topic",
        )
    elif brokers < 3:
        yield warn(
            "log",
            f"{found}: what one has acknowledged is lost with it",
            "run three, with default.replication.factor=3 and min.insync.replicas=2",
        )
    else:
        yield ok("log", found)


async def analytics(patient: Patient) -> AsyncIterator[Finding]:
    """ClickHouse answers, is new enough, and has the time that we have."""
    url = patient.address("SIQ_ANALYTICS_URL")
    # The folder of an embedded one is its pipeline's, which says itself how it is.
    if not url.startswith(("clickhouse://", "clickhouses://")):
        return
    from services.pipeline.analytics import AnalyticsError, open_analytics
    from services.pipeline.arrow import pa

    try:
        opened = open_analytics(_impatient(url))
    except ValueError as error:
        yield away("analytics", url, error, "SIQ_ANALYTICS_URL")
        return
    try:
        asked = time.time()
        answer = await opened.query(_SERVER, {})
        row = pa.ipc.open_stream(answer).read_all().to_pylist()[0]
    except AnalyticsError as error:
        yield away("analytics", url, error, "SIQ_ANALYTICS_URL")
        return
    finally:
        await opened.close()
    apart_s = row["now_s"] - (asked + time.time()) / 2
    yield with_clock("analytics", f"ClickHouse {row['version']} at {place(url)}", apart_s)


def _impatient(url: str) -> str:
    wait = f"connect_timeout={_WITHIN_S}&send_receive_timeout={_WITHIN_S}"
    return f"{url}{'&' if urlsplit(url).query else '?'}{wait}"
