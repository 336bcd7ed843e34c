"""Which adapter serves which URL."""

from __future__ import annotations

from services.common.log.port import EventLog
from services.common.log.valkey import ValkeyLog


def open_log(url: str) -> EventLog:
    """Open the adapter for a URL.

    redis://, rediss://, valkey:// and unix:// are Valkey Streams, kafka:// and kafkas:// (TLS) are
    Apache Kafka: `services.common.log.kafka.address` says what their URLs hold.

    Raises:
        ValueError: the URL is of neither.
    """
    scheme = url.partition(":")[0]
    if scheme in {"redis", "rediss", "unix", "valkey"}:
        return ValkeyLog(url)
    if scheme in {"kafka", "kafkas"}:
        # Only here: a mesh on Valkey neither loads librdkafka nor starts its threads.
        from services.common.log.kafka import KafkaLog

        return KafkaLog(url)
    raise ValueError(
        f"SIQ_LOG_URL={url!r}: expected redis://host:port for Valkey Streams, "
        "or kafka://host:port,host:port for Apache Kafka"
    )
