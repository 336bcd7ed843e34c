"""The whole mesh with its log on a real Kafka broker: by one URL, and nothing else differs."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.engines.kafka.broker import Broker
from tests.engines.logs import make_topics
from tests.integration.mesh_up import Up, sentientiq, temporary_folder

pytestmark = pytest.mark.long


@pytest.mark.timeout(300)
def test_smoke_finds_the_line_whole_over_kafka(kafka_broker: Broker) -> None:
    url = f"{kafka_broker.url}/mesh"
    asyncio.run(make_topics(url))
    with temporary_folder() as folder:
        up = Up(folder, SIQ_LOG_URL=url)
        try:
            up.start()
            assert "valkey-log" not in up.mesh.processes
            done = sentientiq("smoke", "--data", str(up.data), "--visitors", "20", "--json")
            # Latencies are judged by `sentientiq smoke` itself, on a machine with nothing to do.
            found = json.loads(done.stdout)
            assert (found["lost"], found["duplicated"]) == (0, 0), done.stderr
            assert (found["interventions"], found["acted"]) == (20, 20), done.stderr
            assert "Traceback" not in up.text
            assert "SIGSEGV" not in up.text
        finally:
            up.end()
