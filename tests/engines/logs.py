"""An empty event log of either kind, for a test that holds for both."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from services.common.log import TOPICS, open_log
from tests.engines.fixtures import Engines
from tests.engines.kafka.broker import Broker
from tests.engines.kafka.mock import MockCluster


@contextmanager
def empty_log(request: pytest.FixtureRequest, kind: str) -> Generator[str]:
    """The URL of a log with nothing in it: valkey, kafka or kafka-mock."""
    if kind == "valkey":
        url: str = request.getfixturevalue("log_url")
        engines: Engines = request.getfixturevalue("engines")
        engines.log.ask("FLUSHALL")
        yield url
        return
    prefix = f"t{uuid.uuid4().hex[:8]}"
    if kind == "kafka":
        broker: Broker = request.getfixturevalue("kafka_broker")
        try:
            yield f"{broker.url}/{prefix}"
        finally:
            broker.remove_topics(prefix)
        return
    cluster: MockCluster = request.getfixturevalue("mock_cluster")
    cluster.make(*(f"{prefix}.{topic}{end}" for topic in TOPICS for end in ("", ".dead")))
    yield f"{cluster.url}/{prefix}"


async def make_topics(url: str) -> None:
    """As an operator does before the first start: a small broker takes seconds for them."""
    log = open_log(url)
    for topic in TOPICS:
        await log.ends(topic)
    await log.close()
