"""The metric catalogue as a document: `python -m cli.metrics_page > docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import edge.metrics
import services.accountability.metrics
import services.accountability.weekly.metrics
import services.common.consumer
import services.common.log.reading
import services.common.process
import services.common.telemetry
import services.detection.metrics
import services.identity.metrics
import services.identity.privacy.counted
import services.intervention.metrics
import services.pipeline.metrics
from cli.up.ports import DEFAULT_PORTS
from services.common.metrics import LATENCY_S, Catalogue, Histogram, Metric

CATALOGUES: tuple[Catalogue[Any], ...] = (
    edge.metrics.METRICS,
    services.detection.metrics.METRICS,
    services.identity.metrics.METRICS,
    services.identity.metrics.TRANSACTION_METRICS,
    services.identity.metrics.VALUE_METRICS,
    services.identity.metrics.GRAPH_METRICS,
    services.identity.metrics.ANSWER_METRICS,
    services.identity.privacy.counted.PRIVACY_METRICS,
    services.intervention.metrics.METRICS,
    services.accountability.metrics.METRICS,
    services.accountability.metrics.DRAFTING_METRICS,
    services.accountability.metrics.TELLING_METRICS,
    services.accountability.weekly.metrics.METRICS,
    services.pipeline.metrics.METRICS,
    services.common.telemetry.PROCESS_METRICS,
    services.common.process.RPC_METRICS,
    services.common.consumer.METRICS,
    services.common.log.reading.METRICS,
)

_COLUMNS = "| metric | kind | unit | by | meaning |\n|---|---|---|---|---|"
_HEAD = """\
# Metrics

Each process answers `GET /metrics` for Prometheus on `SIQ_METRICS_LISTEN` (host:port; empty: off).
Under `sentientiq up` every process has its own port, {first} to {last}, or the free ones that
`mesh.json` names. The endpoint also tells what Prometheus expects of any process (`process_*`,
`python_gc_*`) and `target_info` with the process's name.

Counts are plain integers in the code, read when somebody asks: they cost the hot path nothing.
Latencies are taken where things are rare: a round of appends, an emotion, a decision, a message.
Histograms have buckets at {buckets} seconds.

This page is made from the declarations (`metrics.py` and `histograms.py` of each process) by
`.venv/bin/python -m cli.metrics_page > docs/metrics.md`; a test compares them.
"""


def document(catalogues: Iterable[Catalogue[Any]] = CATALOGUES) -> str:
    """docs/metrics.md."""
    ports = [port for name, port in DEFAULT_PORTS.items() if name.endswith("-metrics")]
    bounds = " ".join(f"{bound:g}" for bound in LATENCY_S)
    parts = [_HEAD.format(first=min(ports), last=max(ports), buckets=bounds)]
    for catalogue in catalogues:
        rows = "\n".join(_row(item) for item in catalogue.entries)
        title = catalogue.part[0].upper() + catalogue.part[1:]
        parts.append(f"## {title}\n\n{_COLUMNS}\n{rows}\n")
    return "\n".join(parts)


def _row(item: Metric[Any] | Histogram) -> str:
    kind = item.kind if isinstance(item, Metric) else "histogram"
    unit = {"s": "seconds", "By": "bytes", "1": "ratio"}.get(item.unit, item.unit.strip("{}"))
    return f"| `{item.name}` | {kind} | {unit} | {', '.join(item.attributes)} | {item.help} |"


if __name__ == "__main__":
    print(document(), end="")
