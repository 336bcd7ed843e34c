"""What no port of ours would write: an entry of the log that is none."""

from __future__ import annotations

import asyncio
from typing import Any

from confluent_kafka import Producer

from services.common import state
from services.common.log.kafka.address import parse


async def append_garbage(url: str, topic: str, partition: int, blob: bytes) -> None:
    """Append bytes that are no LogEntry, in a place of the log as its own entries have."""
    if url.startswith("kafka"):
        await asyncio.to_thread(_to_kafka, url, topic, partition, blob)
        return
    client: Any = state.connect(url)
    try:
        name = f"siq:log:{topic}:{partition}"
        offset = await client.hincrby("siq:log:next", name, 1)
        await client.xadd(name, {"e": blob}, id=f"{offset}-0")
    finally:
        await client.aclose()


def _to_kafka(url: str, topic: str, partition: int, blob: bytes) -> None:
    address = parse(url)
    producer = Producer({**address.config, "message.max.bytes": 2 * len(blob) + 1_000_000})
    producer.produce(address.name(topic), blob, partition=partition)
    assert producer.flush(30) == 0
