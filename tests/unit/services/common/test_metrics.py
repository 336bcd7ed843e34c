"""One declaration, many sources, and what Prometheus then reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import httpx
import pytest

from cli.up.ports import free_address
from services.common import metrics
from services.common.metrics import Catalogue, Histogram, Metric
from services.common.settings import SettingsError
from services.common.telemetry import observed


@dataclass
class Source:
    labels: tuple[str, str]
    total: int = 0
    by_reason: Counter[str] = field(default_factory=Counter[str])


WAIT_S = Histogram("siq_test_wait_seconds", "s", "How long", ("path",), buckets=(0.1, 1.0))
CATALOGUE: Catalogue[Source] = Catalogue(
    "test",
    (
        Metric("siq_test_open", "gauge", "{things}", "Open things", lambda source: source.total),
        Metric(
            "siq_test_done_total",
            "counter",
            "{things}",
            "Done things",
            lambda source: {source.labels: source.total},
            ("topic", "group"),
        ),
        Metric(
            "siq_test_refused_total",
            "counter",
            "{things}",
            "Refused things",
            lambda source: source.by_reason,
            ("reason",),
        ),
        Metric("siq_test_held_bytes", "gauge", "By", "Held", lambda source: source.total),
    ),
    (WAIT_S,),
)


async def test_sources_are_read_when_asked() -> None:
    address = free_address()
    first, second = Source(("a", "x")), Source(("b", "x"))
    async with observed("test", {"SIQ_METRICS_LISTEN": address}):
        metrics.publish(CATALOGUE, first)
        metrics.publish(CATALOGUE, second)
        first.total, second.total = 3, 4
        first.by_reason["late"] += 1
        second.by_reason["late"] += 1
        WAIT_S.record(0.5, "fast")
        WAIT_S.record(5.0, "fast")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://{address}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "siq_test_open 7.0",
        'siq_test_done_total{group="x",topic="a"} 3.0',
        'siq_test_done_total{group="x",topic="b"} 4.0',
        'siq_test_refused_total{reason="late"} 2.0',
        "siq_test_held_bytes 7.0",
        'siq_test_wait_seconds_bucket{le="0.1",path="fast"} 0.0',
        'siq_test_wait_seconds_bucket{le="1.0",path="fast"} 1.0',
        'siq_test_wait_seconds_bucket{le="+Inf",path="fast"} 2.0',
        "# TYPE siq_test_done_total counter",
        "# HELP siq_test_done_total Done things",
    ):
        assert line in lines, answer.text
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)
    assert any('service_name="test"' in line for line in lines)


def test_without_an_endpoint_nothing_is_kept() -> None:
    quiet = Histogram("siq_test_quiet_seconds", "s", "Nobody asked")
    quiet.record(1.0)
    metrics.publish(CATALOGUE, Source(("a", "x")))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:http", "198.51.100.1:7201"])
async def test_no_address_is_named_with_the_mend(address: str) -> None:
    with pytest.raises(SettingsError, match=r"SIQ_METRICS_LISTEN=.*give host:port"):
        async with observed("test", {"SIQ_METRICS_LISTEN": address}):
            pass
