"""Which adapter serves which URL."""

from __future__ import annotations

from services.common.log.port import EventLog
from services.common.log.valkey import ValkeyLog
from services.common.settings import SettingsError, UrlError


def open_log(url: str) -> EventLog:
    """Open the adapter for a URL.

    redis://, rediss://, valkey:// and unix:// are Valkey Streams, kafka:// and kafkas:// (TLS) are
    Apache Kafka: `services.common.log.kafka.address` says what their URLs hold.

    Raises:
        UrlError: the URL is of neither, or cannot be read.
        SettingsError: it is of Kafka, whose client is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme in {"redis", "rediss", "unix", "valkey"}:
        try:
            return ValkeyLog(url)
        except ValueError as error:  # the words of redis-py may hold a piece of the password
            raise UrlError(
                "SIQ_LOG_URL cannot be read: expected redis://user:password@host:port, with the "
                "password percent-encoded"
            ) from error
    if scheme in {"kafka", "kafkas"}:
        # Only here: a mesh on Valkey neither loads librdkafka nor starts its threads.
        try:
            from confluent_kafka import KafkaException

            from services.common.log.kafka import KafkaLog
        except ModuleNotFoundError as error:
            if error.name != "confluent_kafka":
                raise
            raise SettingsError(
                "SIQ_LOG_URL names Apache Kafka, whose client is not installed: "
                "pip install 'sentientiq[kafka]', or give the URL of a Valkey"
            ) from error
        try:
            return KafkaLog(url)
        except KafkaException as error:
            raise UrlError(
                f"SIQ_LOG_URL is not what Kafka's client takes: {error.args[0].str()}; "
                "is the file of ca= there?"
            ) from error
    raise UrlError(
        f"SIQ_LOG_URL is of no known kind ({url.partition('://')[0][:20]!r}): expected "
        "redis://host:port for Valkey Streams, "
        "or kafka://host:port,host:port for Apache Kafka"
    )
