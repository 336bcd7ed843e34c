"""The event log on Apache Kafka."""

from services.common.log.kafka.log import KafkaLog

__all__ = ["KafkaLog"]
