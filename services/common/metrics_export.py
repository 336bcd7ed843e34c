"""Metrics out of the process: OpenTelemetry's SDK, read by Prometheus at GET /metrics.

The endpoint runs in the process's own loop: a scrape reads the counters between two steps of the
code that writes them, never in the middle of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.common.http import HttpServer
from services.common.metrics import Catalogue, Histogram, Metric, Values


class PrometheusExporter:
    """One process's metrics."""

    def __init__(self, process: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        self._provider = MeterProvider(
            metric_readers=[reader],
            resource=Resource.create({"service.namespace": "sentientiq", "service.name": process}),
            shutdown_on_exit=False,
        )
        self._meter = self._provider.get_meter("sentientiq")
        self._sources: dict[str, list[Any]] = defaultdict(list)

    def add(self, catalogue: Catalogue[Any], source: Any) -> None:
        """Export a catalogue, read from `source` and any other source added for it."""
        sources = self._sources[catalogue.part]
        sources.append(source)
        if len(sources) > 1:
            return
        for metric in catalogue.metrics:
            self._create(metric, sources)
        for histogram in catalogue.histograms:
            self._attach(histogram)

    def _create(self, metric: Metric[Any], sources: list[Any]) -> None:
        create: Callable[..., object] = (
            self._meter.create_observable_counter
            if metric.kind == "counter"
            else self._meter.create_observable_gauge
        )
        create(metric.name, [partial(_observe, metric, sources)], metric.unit, metric.help)

    def _attach(self, histogram: Histogram) -> None:
        instrument = self._meter.create_histogram(
            histogram.name,
            histogram.unit,
            histogram.help,
            explicit_bucket_boundaries_advisory=histogram.buckets,
        )
        histogram.attach(instrument.record)

    def application(self) -> Starlette:
        """GET /metrics."""

        async def metrics(_: Request) -> Response:
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

        return Starlette(routes=[Route("/metrics", metrics)])

    def listen(self, address: str) -> HttpServer:
        """A server for the endpoint, bound but not started.

        Raises:
            OSError: the address is taken, or no address.
        """
        return HttpServer(self.application(), address, grace_s=1)


def _observe(
    metric: Metric[Any], sources: list[Any], _options: CallbackOptions
) -> Iterable[Observation]:
    sums: dict[tuple[str, ...], float] = defaultdict(float)
    for source in sources:
        for labels, value in _by_labels(metric.read(source)):
            sums[labels] += value
    return [
        Observation(value, dict(zip(metric.attributes, labels, strict=True)))
        for labels, value in sums.items()
    ]


def _by_labels(values: Values) -> Iterable[tuple[tuple[str, ...], float]]:
    if not isinstance(values, Mapping):
        return [((), values)]
    return [
        ((labels,) if isinstance(labels, str) else labels, value)
        for labels, value in values.items()
    ]
