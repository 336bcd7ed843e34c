"""Which adapter serves which URL."""

from __future__ import annotations

from services.common.log.port import EventLog
from services.common.log.valkey import ValkeyLog
from services.common.settings import SettingsError


def open_log(url: str) -> EventLog:
    """Open the adapter for a URL.

    redis://, rediss://, valkey:// and unix:// are Valkey Streams, kafka:// and kafkas:// (TLS) are
    Apache Kafka: `services.common.log.kafka.address` says what their URLs hold.

    Raises:
        ValueError: the URL is of neither.
        SettingsError: it is of Kafka, whose client is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme in {"redis", "rediss", "unix", "valkey"}:
        return ValkeyLog(url)
    if scheme in {"kafka", "kafkas"}:
        # Only here: a mesh on Valkey neither loads librdkafka nor starts its threads.
        try:
            from services.common.log.kafka import KafkaLog
        except ModuleNotFoundError as error:
            if error.name != "confluent_kafka":
                raise
            raise SettingsError(
                "SIQ_LOG_URL names Apache Kafka, whose client is not installed: "
                "pip install 'sentientiq[kafka]', or give the URL of a Valkey"
            ) from error
        return KafkaLog(url)
    raise ValueError(
        f"SIQ_LOG_URL is of no known kind ({url.partition('://')[0][:20]!r}): expected "
        "redis://host:port for Valkey Streams, "
        "or kafka://host:port,host:port for Apache Kafka"
    )
